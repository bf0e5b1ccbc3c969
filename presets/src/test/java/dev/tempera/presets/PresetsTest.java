package dev.tempera.presets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.Dialect;
import dev.tempera.InvalidParametersException;
import dev.tempera.SamplingParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PresetsTest {
    static List<Preset> builtIn() {
        return Presets.builtIn().all();
    }

    /** The article's table 5.1. */
    @ParameterizedTest
    @CsvSource({
        "customer-service, 0.1, 0.5",
        "summarisation, 0.3, 0.6",
        "creative-writing, 0.7, 1.2",
        "coding, 0.2, 0.6",
        "role-play, 0.8, 1.3",
    })
    void scenario_hasTheRangeOfItsSource(String name, double low, double high) {
        Preset preset = Presets.get(name);
        assertThat(preset.temperatureRange()).isEqualTo(new TemperatureRange(low, high));
        assertThat(preset.parameters().topP()).isEqualTo(0.9);
        assertThat(preset.systemPrompt()).isNotNull();
    }

    @Test
    void default_isTheGeneralOne() {
        assertThat(Presets.get("default").parameters())
                .isEqualTo(SamplingParameters.builder()
                        .temperature(0.7)
                        .topP(0.9)
                        .maxTokens(512)
                        .build());
    }

    @Test
    void qwen_isItsGenerationConfig() {
        assertThat(Presets.get("qwen2.5-instruct").parameters())
                .isEqualTo(SamplingParameters.builder()
                        .temperature(0.7)
                        .topP(0.8)
                        .topK(20)
                        .repetitionPenalty(1.05)
                        .build());
    }

    @ParameterizedTest
    @MethodSource("builtIn")
    void everyPreset_isWholeAndWarnsOfNothing(Preset preset) {
        assertThat(preset.check(preset.parameters())).isEmpty();
        assertThat(preset.parameters().warnings()).isEmpty();
        assertThat(preset.parameters().toPipeline(Dialect.VLLM)).isNotNull();
        for (LocalizedText text : List.of(preset.title(), preset.description(), preset.hint())) {
            assertThat(text.en()).isNotBlank().isNotEqualTo(text.zh());
            assertThat(text.in(Locale.SIMPLIFIED_CHINESE)).matches("(?s).*\\p{IsHan}.*");
            assertThat(text.in(Locale.FRANCE)).isEqualTo(text.en());
        }
        assertThat(preset.source()).isNotBlank();
    }

    @Test
    void everyOtherName_findsOnePreset() {
        for (Preset preset : builtIn()) {
            assertThat(Presets.get(preset.title().en())).isSameAs(preset);
            assertThat(Presets.get(preset.title().zh())).isSameAs(preset);
            for (String alias : preset.aliases()) {
                assertThat(Presets.get(alias)).as(alias).isSameAs(preset);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "summarization, summarisation",
        "Creative Writing, creative-writing",
        "CREATIVE_WRITING, creative-writing",
        "roleplay, role-play",
        "客服问答系统, customer-service",
        "文档摘要生成, summarisation",
        "创意写作辅助, creative-writing",
        "编程助手, coding",
        "角色扮演对话, role-play",
    })
    void get_spellingVariantsAndChinese_find(String typed, String name) {
        assertThat(Presets.get(typed).name()).isEqualTo(name);
    }

    @Test
    void get_unknownName_listsTheKnownAndSuggests() {
        String known = "; known: default, qwen2.5-instruct, customer-service, summarisation, creative-writing, coding,"
                + " role-play";
        assertThatThrownBy(() -> Presets.get("creative-wirting"))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("no preset is named \"creative-wirting\" (did you mean \"creative-writing\"?)" + known);
        assertThatThrownBy(() -> Presets.get("custom"))
                .hasMessage("no preset is named \"custom\" (did you mean \"customer-service\"?)" + known);
        assertThatThrownBy(() -> Presets.get("zzz")).hasMessage("no preset is named \"zzz\"" + known);
        assertThatThrownBy(() -> Presets.get("")).hasMessage("no preset is named \"\"" + known);
    }

    @Test
    void check_outsideTheRange_saysTheRange() {
        Preset preset = Presets.get("creative-writing");
        assertThat(preset.check(temperature(1.5)))
                .containsExactly(
                        "temperature 1.5 is above the range 0.7 to 1.2 that preset creative-writing recommends");
        assertThat(preset.check(temperature(0.2)))
                .containsExactly(
                        "temperature 0.2 is below the range 0.7 to 1.2 that preset creative-writing recommends");
        assertThat(preset.check(temperature(0.7))).isEmpty();
        assertThat(preset.check(temperature(1.2))).isEmpty();
    }

    @Test
    void check_noTemperature_meansOne() {
        assertThat(Presets.get("creative-writing").check(SamplingParameters.NEUTRAL))
                .isEmpty();
        assertThat(Presets.get("coding").check(SamplingParameters.NEUTRAL))
                .containsExactly("temperature 1.0, which is meant when none is set, is above the range 0.2 to 0.6 that"
                        + " preset coding recommends");
    }

    private static SamplingParameters temperature(double temperature) {
        return SamplingParameters.builder().temperature(temperature).build();
    }

    @Test
    void systemPrompt_placeholders_areFilledIn() {
        SystemPrompt prompt = Presets.get("role-play").systemPrompt();
        assertThat(prompt.placeholders(Locale.ENGLISH)).containsExactly("character");
        assertThat(prompt.render(Locale.CHINESE, Map.of("character", "李白 $1"))).startsWith("你是李白 $1。");
        assertThatThrownBy(() -> prompt.render(Locale.ENGLISH, Map.of("charakter", "x")))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("the system prompt needs a value for {character}; the system prompt has no {charakter} to"
                        + " fill in; it has character");
    }

    @Test
    void load_userFile_overridesAndAdds(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("mine.json"), """
                {"presets": [
                  {"name": "coding", "temperature_range": [0, 0.2], "parameters": {"temperature": 0}},
                  {"name": "legal", "title": {"en": "Contracts", "zh": "合同"}, "aliases": ["law", "poetry"],
                   "temperature_range": [0.1, 0.3], "parameters": {"temperature": 0.2, "top_k": 40},
                   "system_prompt": {"version": 3, "text": "Be exact."}, "source": "our own tests"}
                ]}
                """);
        Presets presets = Presets.load(file);
        assertThat(presets.find("coding").parameters().temperature()).isZero();
        assertThat(presets.find("编程助手").temperatureRange()).isEqualTo(new TemperatureRange(0, 0.2));
        assertThat(presets.find("coding").systemPrompt())
                .isEqualTo(Presets.get("coding").systemPrompt());
        Preset legal = presets.find("合同");
        assertThat(legal.name()).isEqualTo("legal");
        assertThat(legal.systemPrompt().render(Locale.CHINESE, Map.of())).isEqualTo("Be exact.");
        assertThat(presets.find("poetry")).as("the later preset's alias").isSameAs(legal);
        assertThat(presets.all()).hasSize(8).first().isSameAs(Presets.get("default"));
        assertThat(Presets.get("coding").parameters().temperature())
                .as("built in, as before")
                .isEqualTo(0.3);
    }

    @Test
    void load_severalProblems_reportsAll(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("mine.json"), """
                {"presets": [
                  {"name": "a", "temperature_range": [1.2, 0.7], "parameters": {"temperature": -1, "top_pp": 0.9}},
                  {"name": "b", "temperature_range": [0.1, 0.3], "parameters": {"temperature": 0.9}, "hint": 3, "notes": ""},
                  {"name": "Big Name", "parameters": {"temperature": 0.5}},
                  {"name": "d", "temperature_range": [0, 1], "parameters": {"temperature": 0.5}},
                  {"name": "d", "temperature_range": [0, 1], "parameters": {"temperature": 0.5}},
                  {"temperature_range": [0, 1]},
                  {"name": "e", "temperature_range": "0 to 1", "parameters": 0.5, "system_prompt": "x", "aliases": [1]}
                ]}
                """);
        assertThatThrownBy(() -> Presets.load(file))
                .isInstanceOfSatisfying(
                        InvalidParametersException.class,
                        e -> assertThat(e.problems())
                                .map(problem -> problem.replace(file.toString(), "FILE"))
                                .contains(
                                        "FILE: preset a: temperature_range must be [low, high] with 0 <= low <= high, got [1.2, 0.7]",
                                        "FILE: preset a: temperature must be at least 0, got -1.0",
                                        "FILE: preset b: hint must be a string or {\"en\": \"...\", \"zh\": \"...\"}, got 3",
                                        "FILE: preset b: parameters.temperature must lie in temperature_range, 0.1 to 0.3, got 0.9",
                                        "FILE: preset Big Name: name must be lower-case letters, digits, hyphens and dots",
                                        "FILE: preset Big Name: temperature_range is missing",
                                        "FILE has the preset d twice",
                                        "FILE: presets[5] must be an object with a name, got {temperature_range=[0, 1]}",
                                        "FILE: preset e: temperature_range must be [low, high], got 0 to 1",
                                        "FILE: preset e: parameters must be an object such as {\"temperature\": 0.7}, got 0.5",
                                        "FILE: preset e: system_prompt must be an object with version (a whole number) and text, got x",
                                        "FILE: preset e: aliases must be a string, got 1")
                                .anyMatch(
                                        problem -> problem.startsWith(
                                                "FILE: preset a: unknown parameter \"top_pp\" (did you mean \"top_p\"?); known: "))
                                .anyMatch(problem ->
                                        problem.startsWith("FILE: preset b: unknown field \"notes\"; known: aliases, "))
                                .hasSize(14));
    }

    @Test
    void load_noFile_saysSo(@TempDir Path folder) {
        Path file = folder.resolve("none.json");
        assertThatThrownBy(() -> Presets.load(file))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("the presets file " + file + " does not exist");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "[]", "3", "{}", "{\"presets\": {}}", "{\"presets\": []", "{\"presets\": [], \"x\": 1}"})
    void load_damagedFile_namesIt(String json, @TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("mine.json"), json);
        assertThatThrownBy(() -> Presets.load(file))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessageStartingWith(file + " must be ");
    }
}
