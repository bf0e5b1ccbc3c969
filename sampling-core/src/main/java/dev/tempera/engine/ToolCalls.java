package dev.tempera.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Puts pieces of tool calls together. Not thread-safe. */
final class ToolCalls {
    private final Map<Integer, Call> calls = new TreeMap<>();

    private static final class Call {
        private String id = "";
        private String name = "";
        private final StringBuilder arguments = new StringBuilder();
    }

    void add(List<ToolCallDelta> deltas) {
        for (ToolCallDelta delta : deltas) {
            Call call = calls.computeIfAbsent(delta.index(), unused -> new Call());
            // Some servers repeat them with every piece.
            call.id = delta.id().isEmpty() ? call.id : delta.id();
            call.name = delta.name().isEmpty() ? call.name : delta.name();
            call.arguments.append(delta.arguments());
        }
    }

    /** What is there so far, in the order of the calls. */
    List<ToolCall> whole() {
        List<ToolCall> whole = new ArrayList<>();
        calls.values().forEach(call -> whole.add(new ToolCall(call.id, call.name, call.arguments.toString())));
        return whole;
    }
}
