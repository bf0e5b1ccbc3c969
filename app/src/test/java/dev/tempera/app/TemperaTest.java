package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.testkit.ScriptedEngine;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for every command: help, versions, mistakes in what was typed. */
class TemperaTest {
    @Test
    void noCommand_listsTheCommands() {
        Run run = Run.of();
        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).contains("demo", "generate", "chat", "presets", "doctor", "bench", "process");
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "generate", "chat", "presets", "doctor", "bench", "process"})
    void everyCommand_hasHelpAndVersion(String command) {
        Run help = Run.of(command, "--help");
        assertThat(help.exitCode()).isZero();
        assertThat(help.out()).startsWith("Usage: tempera " + command);
        assertThat(Run.of(command, "--version").out()).startsWith("tempera ");
    }

    @Test
    void version_isTheBuilds() {
        assertThat(Run.of("--version").out()).matches("tempera \\d+\\.\\d+\\.\\d+\\S* \\(Java .*\\)\\R");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "generat                         | unknown argument generat; did you mean generate?",
                "generate x --temprature 1       | unknown option --temprature; did you mean --temperature?",
                "generate x --top_p 0.9          | unknown option --top_p; did you mean --top-p?",
                "generate x --top_p=0.9          | unknown option --top_p=0.9; did you mean --top-p?",
                "generate x --MAX_TOKENS 9       | unknown option --MAX_TOKENS; did you mean --max-tokens?",
                "generate x --preset nope        | no preset is named \"nope\"; known: default, ",
                "generate x y                    | unknown argument y",
                "generate x --temperature        | Missing required parameter for option '--temperature' (T)",
                "generate x --temperature abc    | --temperature must be a number, got \"abc\"",
                "generate x --temperature -1     | --temperature must be at least 0, got -1.0",
                "generate x --temperature NaN    | --temperature must be a finite number, got NaN",
                "generate x --temperature inf    | --temperature must be a finite number, got Infinity",
                "generate x --temperature 2.5    | --temperature must be in [0, 2] in the vLLM dialect, got 2.5",
                "generate x --top-p 0            | --top-p must be in (0, 1] in the vLLM dialect, got 0.0",
                "generate x --top-p 1.2          | --top-p must be in (0, 1] in the vLLM dialect, got 1.2",
                "generate x --top-k 1.5          | --top-k must be a whole number, got 1.5",
                "generate x --seed 9223372036854775808 | --seed must be a whole number of 64 bits, got 9223372036854775808",
                "generate x --seed -9223372036854775809 | --seed must be a whole number of 64 bits, got -9223372036854775809",
                "generate x --seed 1e30          | --seed must be a whole number of 64 bits, got 1.0E30",
                "generate x --logit-bias 7       | --logit-bias must be ID=VALUE, for instance 42=-5, got 7",
                "generate x --ignore-eos=perhaps | '--ignore-eos': 'perhaps' is not true or false",
                "generate x --processors tap_k   | no logits processor named \"tap_k\" (did you mean \"top_k\"?); known: ",
                "generate x --dialect ollama     | must be one of vllm, transformers, llama-cpp, got ollama",
                "generate x --raw --system y     | --system needs the chat template, which --raw leaves out",
                "generate x --engine ollama:y    | --engine must be djl:FOLDER or vllm:http://HOST:PORT, got ollama:y",
                "generate x --engine djl:        | --engine must be djl:FOLDER or vllm:http://HOST:PORT, got djl:",
                "generate x --engine djl:␣       | --engine must be djl:FOLDER, got \"djl: \"",
                "generate x --model ␣            | --model must name a folder, got \" \"",
                "generate x --preset-file no.json | the presets file no.json does not exist",
                "generate x --engine djl:a --model b | give either --engine or --model, not both",
                "generate x --engine http://a:1  | got http://a:1; did you mean vllm:http://a:1?",
                "generate x --engine vllm:a:8000 | got vllm:a:8000; did you mean vllm:http://a:8000?",
                "chat --engine vllm:             | --engine must be djl:FOLDER or vllm:http://HOST:PORT, got vllm:",
                "chat --engine vllm:http:/a      | --engine must be djl:FOLDER or vllm:http://HOST:PORT, got vllm:http:/a",
                "chat --engine vllm:http://a:1,  | --engine must be djl:FOLDER or vllm:http://HOST:PORT, got vllm:http://a:1,",
                "chat --engine vllm:ftp://a      | --engine must be djl:FOLDER or vllm:http://HOST:PORT, got vllm:ftp://a",
                "chat --engine vllm:http://a/?k=v | --engine must be djl:FOLDER or vllm:http://HOST:PORT, got vllm:http://a/?k=v",
                "generate x --engine vllm:http://a --device cpu --threads 2 | --device, --threads belong to --engine djl:FOLDER: what runs a model in a server is given where the server is started",
                "doctor --engine vllm:http://a --dtype float32 | --dtype belongs to --engine djl:FOLDER: what ",
                "demo --engine vllm:http://a --model b | --model is a folder for --engine djl:FOLDER; a vLLM server has its model: --served-model names one of several",
                "chat --stepwise                 | --stepwise belongs to --engine vllm:URL: a model in this process has no server",
                "generate x --model a --timeout 3 --served-model b | --served-model, --timeout belong to --engine vllm:URL",
                "generate x --engine vllm:http://a --chat-template mine | must be server or local, got mine",
                "generate x --engine vllm:http://a --chat-template local | --chat-template local needs --tokenizer FOLDER, where the template is",
                "generate x --engine vllm:http://a --served-model ␣ | --served-model must name a model, got \" \"",
                "generate x --engine vllm:http://a --timeout soon | --timeout must be a number of seconds, got soon",
                "generate x --engine vllm:http://a --timeout 0 | --timeout must be from 0.001 to 1000000 seconds, got 0",
                "generate x --engine vllm:http://a --timeout first=3 | --timeout must be of connect, first-token, between-tokens or total, got first=3",
                "generate x --engine vllm:http://a --stepwise | --stepwise needs --tokenizer FOLDER: the stages run on token ids",
                "generate x --engine vllm:http://a --stepwise-draft 4 | --stepwise-candidates and --stepwise-draft need --stepwise",
                "generate x --engine vllm:http://a --tokenizer t --stepwise --stepwise-draft 0 | --stepwise-draft must be from 1 to 1024, got 0",
                "generate x --logprobs -1        | --logprobs must be at least 0, got -1",
                "generate x --regex a --choice b | a text has one shape: give one of --json-schema, --json-object, --regex, --choice, --grammar",
                "generate x --json-schema no.json | --json-schema: cannot read no.json: no such file or folder",
                "generate ''                     | the prompt is empty",
                "demo --temperatures 0.1,warm    | 'warm' is not a number",
                "demo --temperatures 3           | --temperatures: temperature must be in [0, 2] in the vLLM dialect, got 3.0",
                "demo --temperatures 0.5,-1,NaN  | --temperatures: temperature must be at least 0, got -1.0; temperature must be a finite number, got NaN",
                "demo --samples 0                | --samples must be from 1 to 100, got 0",
                "demo --samples few              | 'few' is not a whole number",
                "demo --max-tokens 0             | --max-tokens must be at least 1, got 0",
                "demo --chart no-such-folder/x.png | --chart: there is no folder ",
                "demo --chart .                  | --chart must name a file, got the folder ",
                "demo --chart x.png --samples 1  | --chart needs figures: give --samples 2 or more",
                "generate x --dtype int4         | must be one of bfloat16, float16, float32, got int4",
                "generate x --threads some       | 'some' is not a whole number",
                "bench --vocab 10                | --vocab must be from 64 to 1000000, got 10",
                "bench --steps 0                 | --steps must be from 1 to 100000, got 0",
                "demo --lang fr                  | expected one of [zh, en, auto]",
            })
    void mistake_getsOneSentenceAndExitCode2(String typed, String message) {
        String[] arguments = List.of(typed.split(" +")).stream()
                .map(word -> word.replace("''", "").replace('␣', ' '))
                .toArray(String[]::new);
        Run run = Run.of(arguments);
        assertThat(run.err()).startsWith("tempera: ").contains(message).doesNotContain("\tat ");
        assertThat(run.out()).isEmpty();
        assertThat(run.exitCode()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--api-key=s3cret word | --api-key must be one word of printable ASCII characters, got others",
                "--api-key=            | --api-key must be one word of printable ASCII characters, got none",
                "--lang=en             | VLLM_API_KEY must be one word of printable ASCII characters, got others",
                "--engine=vllm:http://me:s3cret@a | --engine must have no user or password in its address: give a key by VLLM_API_KEY or --api-key",
            })
    void secret_isNeverPrinted(String option, String message) {
        Environment environment = new Environment(
                InputStream.nullInputStream(),
                Map.of("VLLM_API_KEY", "s3cret\n"),
                new Run.Screen(false, 0),
                model -> ScriptedEngine.saying("x"));
        List<String> typed = new ArrayList<>(List.of("--verbose", "generate", "x", option));
        if (!option.contains("--engine")) {
            typed.add("--engine=vllm:http://a");
        }
        Run run = Run.in(environment, typed.toArray(String[]::new));
        assertThat(run.err()).startsWith("tempera: " + message).doesNotContain("s3cret");
        assertThat(run.exitCode()).isEqualTo(2);
    }

    @Test
    void severalMistakes_areReportedTogether() {
        assertThat(Run.of("generate", "x", "--top-p", "1.2", "--min-p", "7").err())
                .contains("--top-p must be")
                .contains("--min-p must be");
        String both =
                "tempera: --temperature must be at least 0, got -1.0; --top-p must be in (0, 1] in the %s dialect, got 1.2";
        String[] typed = {"generate", "x", "--temperature", "-1", "--top-p", "1.2"};
        assertThat(Run.of(typed).err()).isEqualTo(String.format(both, "vLLM") + System.lineSeparator());
        typed[0] = "chat";
        typed[1] = "--lang=en";
        assertThat(Run.of(typed).err()).isEqualTo(String.format(both, "vLLM") + System.lineSeparator());
    }

    @Test
    void verbose_addsTheStackTrace() {
        assertThat(Run.of("--verbose", "generate", "x", "--top-p", "0").err()).contains("\tat dev.tempera");
        assertThat(Run.of("generate", "x", "--top-p", "0", "--verbose").err()).contains("\tat dev.tempera");
    }

    @Test
    void help_fitsTheScreen() {
        Run help = Run.with(ScriptedEngine.saying("x"), new Run.Screen(false, 80), "", "generate", "--help");
        assertThat(help.out().lines()).allMatch(line -> line.length() <= 80);
        assertThat(Run.of("generate", "--help").out().lines()).anyMatch(line -> line.length() > 80);
    }
}
