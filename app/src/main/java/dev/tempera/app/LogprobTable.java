package dev.tempera.app;

import dev.tempera.engine.Logprobs;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Log-probabilities, a line a token. */
record LogprobTable(Language language) {
    List<String> lines(Logprobs logprobs) {
        List<String> lines = new ArrayList<>();
        lines.add(line(
                language.say("词元", "token"),
                language.say("数值", "value"),
                language.say("名次", "rank"),
                language.say("最可能的", "the most probable")));
        for (Logprobs.Position position : logprobs.positions()) {
            Logprobs.Token drawn = position.drawn();
            lines.add(line(
                    TraceTable.token(drawn.text(), drawn.tokenId()),
                    TraceTable.number(drawn.value()),
                    drawn.rank() == 0 ? "?" : String.valueOf(drawn.rank()),
                    position.top().stream()
                            .map(token -> TraceTable.token(token.text(), token.tokenId()) + " "
                                    + TraceTable.number(token.value()))
                            .collect(Collectors.joining(", "))));
        }
        lines.add(meaning(logprobs.stage()));
        return lines;
    }

    private String meaning(Logprobs.Stage stage) {
        return switch (stage) {
            case RAW_LOGPROBS ->
                language.say(
                        "数值为模型自身的对数概率，不是抽取所用的。", "values: the model's own log-probabilities, not those of the draw");
            case PROCESSED_LOGPROBS -> language.say("数值为抽取所用的对数概率。", "values: the log-probabilities of the draw");
            case RAW_LOGITS -> language.say("数值为模型自身的 logits。", "values: the model's own logits, no probabilities");
            case PROCESSED_LOGITS ->
                language.say("数值为抽取所用的 logits。", "values: the logits of the draw, no probabilities");
        };
    }

    private static String line(String token, String value, String rank, String top) {
        return (DisplayWidth.pad(token, 10) + TraceTable.right(value, 9) + TraceTable.right(rank, 6) + "  " + top)
                .stripTrailing();
    }

    static Map<String, Object> toMap(Logprobs logprobs) {
        List<Object> positions = new ArrayList<>();
        for (Logprobs.Position position : logprobs.positions()) {
            Map<String, Object> map = toMap(position.drawn());
            map.put("top", position.top().stream().map(LogprobTable::toMap).toList());
            positions.add(map);
        }
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("stage", logprobs.stage().name().toLowerCase(Locale.ROOT));
        map.put("positions", positions);
        return map;
    }

    private static Map<String, Object> toMap(Logprobs.Token token) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("token_id", token.tokenId());
        map.put("text", token.text());
        map.put("value", token.value());
        map.put("rank", token.rank());
        return map;
    }
}
