package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.testkit.ScriptedEngine;
import org.junit.jupiter.api.Test;

class ChatCommandTest {
    @Test
    void pipedTurns_areAnsweredInOrder() {
        Run run = Run.with(ScriptedEngine.saying("yes."), "one\n\ntwo\n", "chat");
        assertThat(run.out().lines()).containsExactly("yes.", "yes.");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void conversation_growsUntilReset() {
        String turn = "x".repeat(60) + "\n";
        assertThat(Run.with(smallContext(), turn.repeat(3), "chat").err()).contains("the context holds");
        assertThat(Run.with(smallContext(), turn + turn + "/reset\n" + turn, "chat")
                        .err())
                .isEmpty();
    }

    /** Holds two turns of 60 characters, not three. Answers with one letter. */
    private static ScriptedEngine smallContext() {
        return new ScriptedEngine(
                history -> {
                    float[] logits = new float[258];
                    logits[history.generatedSize() == 0 ? 'y' : 257] = 100;
                    return logits;
                },
                200);
    }

    @Test
    void command_changesAParameter() {
        Run run = Run.with(ScriptedEngine.saying("yes."), "/temperature 1.2\n/top-k 5\n/quit\nnever\n", "chat");
        assertThat(run.out()).contains("temperature=1.2", "top_k=5").doesNotContain("yes.");
        assertThat(run.err()).isEmpty();
    }

    @Test
    void exit_endsAsQuitDoes() {
        Run run = Run.with(ScriptedEngine.saying("yes."), "/help\n /exit \nnever\n", "chat");
        assertThat(run.out()).contains("/quit, /exit         ends").doesNotContain("yes.");
        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void startsFromThePresetDefault_andSaysSo() {
        Run run = Run.with(ScriptedEngine.saying("yes."), new Run.Screen(true, 80), "", "chat", "--min-p", "0.05");
        assertThat(run.out()).contains("preset default", "temperature=0.7", "min_p=0.05");
    }

    @Test
    void mistake_isSaidAndTheConversationGoesOn() {
        Run run = Run.with(
                ScriptedEngine.saying("yes."),
                "/temperature hot\n/temperature 9\n/temperature\n/warmth 1\n/preset nope\nhello\n",
                "chat");
        assertThat(run.err())
                .contains("temperature must be a number, got \"hot\"")
                .contains("temperature must be in [0, 2] in the vLLM dialect, got 9.0")
                .contains("/temperature needs a value")
                .contains("there is no command /warmth; /help lists them")
                .contains("nope");
        assertThat(run.out()).endsWith("yes." + System.lineSeparator());
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void temperatureOutsideThePresetsRange_isWarnedOfAtTheStart() {
        Run run = Run.with(ScriptedEngine.saying("yes."), "", "chat", "--temperature", "1.9");
        assertThat(run.err())
                .isEqualTo("warning: temperature 1.9 is above the range 0.1 to 1.3 that preset default recommends"
                        + System.lineSeparator());
        assertThat(Run.with(ScriptedEngine.saying("yes."), "", "chat", "--temperature", "0")
                        .err())
                .contains("warning: temperature 0 decodes greedily");
    }

    @Test
    void turnThatFails_isSaidAndTheConversationGoesOn() {
        Run run = Run.with(GenerateCommandTest.breaking(), "one\ntwo\n", "chat");
        assertThat(run.out().lines()).containsExactly("aaa", "aaa");
        assertThat(run.err().lines()).hasSize(2).allMatch(line -> line.startsWith("tempera: scripted: step 3: "));
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void turnThatTheEngineGivesUp_isSaid() {
        Run run = Run.with(GenerateCommandTest.closingItself(), "one\n", "chat");
        assertThat(run.out().lines()).containsExactly("aaa");
        assertThat(run.err()).isEqualTo("tempera: the engine ended this turn before its time" + System.lineSeparator());
    }

    @Test
    void presetsSystemPrompt_comesBeforeTheConversation() {
        String turns = "/preset coding\n/parameters\n/preset default\n/parameters\n";
        Run run = Run.with(ScriptedEngine.saying("yes."), turns, "chat", "--preset", "客服", "--lang=zh");
        assertThat(run.out().lines().filter(line -> line.startsWith("系统提示")))
                .hasSize(2)
                .allMatch(line -> line.contains("你是编程助手"));
        // 200 tokens hold the turn, but not the turn and the preset's prompt.
        String turn = "x".repeat(60) + "\n";
        assertThat(Run.with(smallContext(), turn, "chat").err()).isEmpty();
        assertThat(Run.with(smallContext(), turn, "chat", "--preset", "coding").err())
                .contains("the context holds");
        assertThat(Run.with(smallContext(), "/preset coding\n" + turn, "chat").err())
                .contains("the context holds");
        assertThat(Run.with(smallContext(), "/preset coding\n" + turn, "chat", "--system", "Be brief.")
                        .err())
                .isEmpty();
    }

    @Test
    void presetWithAWordToFillIn_isRefusedAndTheOldOneStays() {
        Run run = Run.with(ScriptedEngine.saying("yes."), "/preset role-play\n/parameters\n", "chat");
        assertThat(run.err()).contains("preset role-play needs --system");
        assertThat(run.out()).contains("preset default");
    }

    @Test
    void help_isInTheLanguageAskedFor() {
        assertThat(Run.with(ScriptedEngine.saying(""), "/help\n", "chat").out())
                .contains("starts the conversation anew");
        assertThat(Run.with(ScriptedEngine.saying(""), "/help\n", "chat", "--lang", "zh")
                        .out())
                .contains("清空对话");
    }
}
