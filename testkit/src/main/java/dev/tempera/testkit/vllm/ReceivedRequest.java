package dev.tempera.testkit.vllm;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/**
 * A request as the server received it. Immutable and thread-safe, but for the body's array.
 *
 * @param number which of the server's requests it is, counted from 1
 * @param path without the query, for instance {@code /v1/completions}
 * @param headers by name, case-insensitive; of a repeated header the last
 * @param body as it came, empty if it was lost to an {@code Upgrade: h2c}
 * @param json the body read as a JSON object; null if it is none
 */
public record ReceivedRequest(
        int number,
        String method,
        String path,
        SortedMap<String, String> headers,
        byte[] body,
        @Nullable Map<String, Object> json) {
    public String text() {
        return new String(body, StandardCharsets.UTF_8);
    }

    /** A header's value; null if it was not sent. */
    public @Nullable String header(String name) {
        return headers.get(name);
    }

    /** A field of the JSON body; null if it is not there, or null. */
    public @Nullable Object field(String name) {
        return json == null ? null : json.get(name);
    }

    @Override
    public String toString() {
        return number + ": " + method + " " + path + " " + text();
    }
}
