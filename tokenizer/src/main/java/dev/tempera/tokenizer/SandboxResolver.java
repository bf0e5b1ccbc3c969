package dev.tempera.tokenizer;

import com.hubspot.jinjava.el.TypeConvertingMapELResolver;
import com.hubspot.jinjava.el.ext.JinjavaBeanELResolver;
import com.hubspot.jinjava.el.ext.JinjavaListELResolver;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ForLoop;
import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import jinjava.javax.el.MethodNotFoundException;
import jinjava.javax.el.PropertyNotWritableException;
import org.jspecify.annotations.Nullable;

/**
 * What a chat template may reach: entries of maps and lists, {@code loop}, and the methods of Python's strings and
 * dictionaries that templates use. No Java method or property, by whatever name: a template comes with a model, from
 * anybody. Nothing can be changed through it.
 */
final class SandboxResolver extends ELResolver {
    private final JinjavaListELResolver lists = new JinjavaListELResolver(true);
    private final TypeConvertingMapELResolver maps = new TypeConvertingMapELResolver(true);
    private final JinjavaBeanELResolver beans = new JinjavaBeanELResolver(true);

    @Override
    public @Nullable Object getValue(ELContext context, @Nullable Object base, @Nullable Object property) {
        if (base instanceof List) {
            return lists.getValue(context, base, property);
        }
        if (base instanceof Map) {
            return maps.getValue(context, base, property);
        }
        if (base instanceof ForLoop) {
            return beans.getValue(context, base, property);
        }
        if (base instanceof String string && property != null) {
            context.setPropertyResolved(true);
            return character(string, property.toString());
        }
        context.setPropertyResolved(true);
        return null;
    }

    /** {@code text[0]}, {@code text[-1]}; null, which is undefined, for anything else. */
    private static @Nullable String character(String string, String property) {
        try {
            int index = Integer.parseInt(property);
            index = index < 0 ? index + string.length() : index;
            return index >= 0 && index < string.length() ? string.substring(index, index + 1) : null;
        } catch (NumberFormatException e) {
            return null;
        }
    }

    @Override
    public @Nullable Object invoke(
            ELContext context, Object base, Object method, Class<?> @Nullable [] types, Object @Nullable [] arguments) {
        if (base instanceof Filter && "filter".equals(method) || base instanceof ExpTest) {
            return beans.invoke(context, base, method, types, arguments);
        }
        List<Object> given = new ArrayList<>();
        Collections.addAll(given, arguments == null ? new Object[0] : arguments);
        context.setPropertyResolved(true);
        if (base instanceof String string) {
            return PythonMethods.ofString(string, method.toString(), given);
        }
        if (base instanceof Map<?, ?> map) {
            return PythonMethods.ofMap(map, method.toString(), given);
        }
        throw new MethodNotFoundException("a chat template cannot call " + method + " here");
    }

    @Override
    public @Nullable Class<?> getType(ELContext context, Object base, Object property) {
        return null;
    }

    @Override
    public void setValue(ELContext context, Object base, Object property, Object value) {
        throw new PropertyNotWritableException("a chat template cannot change " + property);
    }

    @Override
    public boolean isReadOnly(ELContext context, Object base, Object property) {
        return true;
    }

    @Override
    public @Nullable Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
        return null;
    }

    @Override
    public @Nullable Class<?> getCommonPropertyType(ELContext context, Object base) {
        return Object.class;
    }
}
