package dev.tempera.tokenizer;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code tojson} as Hugging Face defines it for chat templates: {@link PythonJson}, non-ASCII letters as they are. */
final class ToJsonFilter implements Filter {
    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(
            @Nullable Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
        Object ensureAscii = arguments.length > 0 ? arguments[0] : named.get("ensure_ascii");
        Object indent = arguments.length > 1 ? arguments[1] : named.get("indent");
        return PythonJson.dumps(
                value,
                Boolean.TRUE.equals(ensureAscii),
                indent instanceof Number width ? " ".repeat(width.intValue()) : (String) indent);
    }

    @Override
    public Object filter(@Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
        return PythonJson.dumps(value, false, null);
    }
}
