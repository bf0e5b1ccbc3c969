package dev.tempera.vllm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tempera.InvalidParametersException;
import dev.tempera.engine.Logprobs;
import dev.tempera.vllm.Capabilities.Frontend;
import dev.tempera.vllm.Capabilities.ServedModel;
import dev.tempera.vllm.Capabilities.TokenRoute;
import java.net.URI;
import java.util.List;
import org.junit.jupiter.api.Test;

class AgreementTest {
    private static final ServedModel BASE = new ServedModel("base", null, 1024);
    private static final ServedModel ADAPTER = new ServedModel("adapter", "base", null);

    private static final Capabilities RICH = new Capabilities(
            URI.create("http://rich"),
            "0.32.0",
            "vllm-0.32.0-5e475f43",
            Frontend.PYTHON,
            List.of(BASE, ADAPTER),
            "base",
            1024,
            -1,
            Logprobs.Stage.RAW_LOGPROBS,
            TokenRoute.NUMBERED_TOKENS,
            true,
            7,
            true,
            true,
            16);

    private static final Capabilities POOR = new Capabilities(
            URI.create("http://poor"),
            "0.9.2.dev3+g123456789012345",
            "vllm-0.9.2-00000000",
            Frontend.PYTHON,
            List.of(BASE),
            "base",
            1024,
            20,
            Logprobs.Stage.PROCESSED_LOGPROBS,
            TokenRoute.NONE,
            false,
            7,
            true,
            false,
            128);

    @Test
    void whatBothCanDoIsTheLeast() {
        Capabilities expected = new Capabilities(
                RICH.server(),
                POOR.version(),
                null,
                Frontend.PYTHON,
                List.of(BASE),
                "base",
                1024,
                20,
                null,
                TokenRoute.NONE,
                false,
                7,
                true,
                false,
                128);

        assertThat(Agreement.both(RICH, POOR)).isEqualTo(expected);
        assertThat(Agreement.both(POOR, RICH))
                .usingRecursiveComparison()
                .ignoringFields("server")
                .isEqualTo(expected);
    }

    @Test
    void whatOneDoesNotTellIsNotKnownOfBoth() {
        Capabilities silent = new Capabilities(
                URI.create("http://silent"),
                null,
                null,
                Frontend.UNKNOWN,
                List.of(BASE),
                "base",
                null,
                null,
                null,
                TokenRoute.NONE,
                false,
                null,
                null,
                null,
                null);

        assertThat(Agreement.both(RICH, silent))
                .usingRecursiveComparison()
                .ignoringFields("server")
                .isEqualTo(silent);
    }

    @Test
    void serversOfAnotherModelAreRefusedWithBothNamed() {
        assertThatThrownBy(() -> Agreement.both(RICH, of("other", 1024, 7, Frontend.PYTHON)))
                .isInstanceOf(InvalidParametersException.class)
                .hasMessage("the servers of one engine must serve the same model in the same way,"
                        + " but model is base at http://rich and other at http://new");
    }

    @Test
    void serversOfAnotherContextTokenizerOrFrontendAreRefused() {
        assertThatThrownBy(() -> Agreement.both(RICH, of("base", 2048, 8, Frontend.RUST)))
                .hasMessage("the servers of one engine must serve the same model in the same way, but"
                        + " frontend is PYTHON at http://rich and RUST at http://new,"
                        + " contextLength is 1024 at http://rich and 2048 at http://new,"
                        + " tokenization is 7 at http://rich and 8 at http://new");
    }

    @Test
    void oneThatComesLaterMustDoWhatIsPlannedFor() {
        Capabilities common = Agreement.both(RICH, POOR);
        Agreement.require(common, RICH); // can do more
        Agreement.require(common, POOR);

        assertThatThrownBy(() -> Agreement.require(RICH, POOR))
                .isInstanceOf(VllmException.class)
                .hasMessage("http://poor is up but gets no requests: it can do less than requests are planned for,"
                        + " version 0.9.2.dev3+g123456789012345 instead of 0.32.0,"
                        + " models [ServedModel[id=base, parent=null, contextLength=1024]] instead of"
                        + " [ServedModel[id=base, parent=null, contextLength=1024],"
                        + " ServedModel[id=adapter, parent=base, contextLength=null]],"
                        + " maxLogprobs 20 instead of -1, logprobsStage null instead of RAW_LOGPROBS,"
                        + " tokenRoute NONE instead of NUMBERED_TOKENS, returnsTokenIds false instead of true,"
                        + " prefixCaching false instead of true, blockSize 128 instead of 16");
        assertThatThrownBy(() -> Agreement.require(common, of("other", 1024, 7, Frontend.PYTHON)))
                .isInstanceOf(VllmException.class)
                .hasMessageStartingWith("http://new is up but gets no requests: the servers of one engine must");
    }

    private static Capabilities of(String model, int contextLength, int tokenization, Frontend frontend) {
        return new Capabilities(
                URI.create("http://new"),
                "0.32.0",
                null,
                frontend,
                List.of(new ServedModel(model, null, contextLength)),
                model,
                contextLength,
                -1,
                Logprobs.Stage.RAW_LOGPROBS,
                TokenRoute.NUMBERED_TOKENS,
                true,
                tokenization,
                true,
                true,
                16);
    }
}
