package dev.tempera.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import jinjava.javax.el.MethodNotFoundException;
import org.jspecify.annotations.Nullable;

/** Those methods of Python's {@code str} and {@code dict} that chat templates call; another name is an error. */
final class PythonMethods {
    private PythonMethods() {}

    static Object ofString(String text, String method, List<Object> arguments) {
        String first = arguments.isEmpty() || arguments.get(0) == null
                ? null
                : arguments.get(0).toString();
        switch (method) {
            case "strip":
                return rstrip(lstrip(text, first), first);
            case "lstrip":
                return lstrip(text, first);
            case "rstrip":
                return rstrip(text, first);
            case "upper":
                return text.toUpperCase(Locale.ROOT);
            case "lower":
                return text.toLowerCase(Locale.ROOT);
            case "split":
                return first == null ? words(text) : List.of(text.split(Pattern.quote(first), -1));
            case "startswith":
                if (first != null) {
                    return text.startsWith(first);
                }
                break;
            case "endswith":
                if (first != null) {
                    return text.endsWith(first);
                }
                break;
            case "replace":
                if (arguments.size() == 2 && first != null) {
                    return text.replace(first, String.valueOf(arguments.get(1)));
                }
                break;
            default:
        }
        throw unknown("a string", method, arguments);
    }

    static @Nullable Object ofMap(Map<?, ?> map, String method, List<Object> arguments) {
        switch (method) {
            case "keys":
                return new ArrayList<>(map.keySet());
            case "values":
                return new ArrayList<>(map.values());
            case "items":
                List<List<Object>> items = new ArrayList<>();
                map.forEach((key, value) -> {
                    List<Object> item = new ArrayList<>();
                    item.add(key);
                    item.add(value);
                    items.add(item);
                });
                return items;
            case "get":
                if (!arguments.isEmpty()) {
                    Object value = map.get(arguments.get(0));
                    return value != null || arguments.size() == 1 ? value : arguments.get(1);
                }
                break;
            default:
        }
        throw unknown("a dictionary", method, arguments);
    }

    private static MethodNotFoundException unknown(String type, String method, List<Object> arguments) {
        return new MethodNotFoundException(
                type + " has no method " + method + " with " + arguments.size() + " arguments that is supported");
    }

    private static String lstrip(String text, @Nullable String characters) {
        int start = 0;
        while (start < text.length() && isStripped(text.charAt(start), characters)) {
            start++;
        }
        return text.substring(start);
    }

    private static String rstrip(String text, @Nullable String characters) {
        int end = text.length();
        while (end > 0 && isStripped(text.charAt(end - 1), characters)) {
            end--;
        }
        return text.substring(0, end);
    }

    private static boolean isStripped(char c, @Nullable String characters) {
        return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
    }

    /** Python's {@code str.isspace} counts the no-break spaces, {@link Character#isWhitespace} does not. */
    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
    }

    private static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        for (char c : (text + " ").toCharArray()) {
            if (!isSpace(c)) {
                word.append(c);
            } else if (!word.isEmpty()) {
                words.add(word.toString());
                word.setLength(0);
            }
        }
        return words;
    }
}
