package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tempera.SamplingParameters;
import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.FinishReason;
import dev.tempera.engine.GenerationRequest;
import dev.tempera.engine.GenerationResult;
import dev.tempera.engine.Logprobs;
import dev.tempera.engine.Prompt;
import dev.tempera.engine.StructuredOutput;
import dev.tempera.engine.TokenStream;
import dev.tempera.engine.Tokenizer;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** What the client does with every server: a fake one in each dialect, a recorded one, a real one. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
abstract class VllmServerContract {
    private static final int LENGTH = 12;

    private VllmEngine text;
    private VllmEngine ids;

    /** The way to the server, ready but for the tokenizer. */
    abstract VllmEngineBuilder server();

    /** Of the served model; null if the server returns no ids. */
    abstract Tokenizer tokenizer();

    abstract String prompt();

    abstract Capabilities.Frontend frontend();

    @BeforeAll
    void open() {
        text = server().open();
        Tokenizer tokenizer = tokenizer();
        ids = tokenizer == null ? text : server().tokenizer(tokenizer).open();
    }

    @AfterAll
    void close() {
        text.close();
        ids.close();
    }

    private static SamplingParameters.Builder greedy() {
        return SamplingParameters.builder().temperature(0).maxTokens(LENGTH).ignoreEos(true);
    }

    private GenerationRequest request(SamplingParameters.Builder parameters) {
        return GenerationRequest.of(new Prompt.Text(prompt()), parameters.build());
    }

    @Test
    void capabilities_areFound() {
        Capabilities found = text.capabilities();

        assertThat(found.frontend()).isEqualTo(frontend());
        assertThat(found.version()).isNotBlank();
        assertThat(found.model()).isNotBlank();
        assertThat(found.contextLength()).isPositive();
        assertThat(found.logprobsStage()).isEqualTo(Logprobs.Stage.RAW_LOGPROBS);
    }

    @Test
    void greedy_isTheSame_byTextAndByIds_wholeAndInPieces() {
        GenerationResult whole = text.generate(request(greedy()));
        StringBuilder pieces = new StringBuilder();
        try (TokenStream stream = ids.stream(request(greedy()))) {
            stream.forEachRemaining(chunk -> pieces.append(chunk.text()));
            assertThat(stream.result().usage()).isEqualTo(whole.usage());
        }
        // What ends within a character shows its beginning only where ids are decoded here.
        assertThat(pieces.toString().replaceFirst("\uFFFD$", ""))
                .isEqualTo(whole.text())
                .isNotEmpty();
        assertThat(whole.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(whole.usage().generatedTokens()).isEqualTo(LENGTH);
    }

    @Test
    void seed_same_givesTheSameText() {
        SamplingParameters.Builder drawn = greedy().temperature(1.2).topP(0.9).seed(7);

        assertThat(ids.generate(request(drawn)).text())
                .isEqualTo(ids.generate(request(drawn)).text());
    }

    @Test
    void stopString_endsTheText() {
        String whole = text.generate(request(greedy())).text();
        String stop = whole.substring(2, 3);
        for (VllmEngine engine : List.of(text, ids)) {
            GenerationResult result = engine.generate(request(greedy().stop(List.of(stop))));
            assertThat(result.text()).isEqualTo(whole.substring(0, whole.indexOf(stop)));
            assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        }
    }

    @Test
    void logprobs_ofGreedy_haveTheDrawnTokenFirst() {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(new Prompt.Text(prompt()))
                .parameters(greedy().build())
                .logprobs(3)
                .build();
        for (VllmEngine engine : List.of(text, ids)) {
            List<Logprobs.Position> positions =
                    Objects.requireNonNull(engine.generate(request).logprobs()).positions();
            assertThat(positions).hasSize(LENGTH).allSatisfy(position -> {
                assertThat(position.top()).hasSize(3);
                assertThat(position.top().get(0).value())
                        .isEqualTo(position.drawn().value());
            });
        }
    }

    @Test
    void chat_isRenderedByTheServer() {
        GenerationResult result = text.generate(GenerationRequest.of(Prompt.chat(prompt()), greedy().build()));

        assertThat(result.text()).isNotEmpty();
        assertThat(result.usage().promptTokens()).isGreaterThan(3);
        assertThat(result.usage().generatedTokens()).isEqualTo(LENGTH);
    }

    @Test
    void choice_isOneOfThem() {
        GenerationRequest request = GenerationRequest.builder()
                .prompt(Prompt.chat(prompt()))
                .parameters(SamplingParameters.builder()
                        .temperature(0)
                        .maxTokens(LENGTH)
                        .build())
                .engineOptions(EngineOptions.builder()
                        .structuredOutput(new StructuredOutput.Choice(List.of("yes", "no")))
                        .build())
                .build();

        assertThat(text.generate(request).text()).isIn("yes", "no");
    }
}
