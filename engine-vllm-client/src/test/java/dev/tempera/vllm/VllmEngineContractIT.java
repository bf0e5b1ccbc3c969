package dev.tempera.vllm;

import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.Prompt;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.testkit.GenerationEngineContract;
import dev.tempera.tokenizer.ModelTokenizer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Nested;

/** The contract of all engines, on a real server. */
class VllmEngineContractIT {
    private abstract static class OnServer extends GenerationEngineContract {
        @Override
        protected GenerationEngine open() {
            return builder().open();
        }

        VllmEngineBuilder builder() {
            return VllmEngine.builder(RealVllm.shared().uri());
        }

        @Override
        protected Prompt prompt() {
            return new Prompt.Tokens(List.of(395, 406, 397));
        }

        @Override
        protected int contextLength() {
            return 1024;
        }

        @Override
        protected EngineOptions unsupportedOptions() {
            return EngineOptions.builder()
                    .fields(Map.of("documents", List.of()))
                    .build(); // of chats alone
        }

        @Override
        protected boolean makesUpASeed() {
            return false;
        }
    }

    /** {@code /inference/v1/generate}. */
    @Nested
    class TokenIds extends OnServer {
        private final ModelTokenizer tokenizer = ModelTokenizer.open(SampleModel.path());

        @Override
        VllmEngineBuilder builder() {
            return super.builder().tokenizer(tokenizer);
        }

        @AfterAll
        void closeTokenizer() {
            tokenizer.close();
        }
    }

    /** {@code /v1/completions} with the server's text. */
    @Nested
    class Text extends OnServer {}
}
