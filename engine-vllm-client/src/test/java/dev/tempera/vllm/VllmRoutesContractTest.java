package dev.tempera.vllm;

import dev.tempera.engine.EngineOptions;
import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.Prompt;
import dev.tempera.testkit.ByteTokenizer;
import dev.tempera.testkit.GenerationEngineContract;
import dev.tempera.testkit.vllm.FakeVllm;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Nested;

/** The contract by the other ways to servers that return token ids, which it counts. */
class VllmRoutesContractTest {
    private abstract static class OnFake extends GenerationEngineContract {
        private final FakeVllm server;
        private final boolean withTokenizer;

        OnFake(FakeVllm.Builder server, boolean withTokenizer) {
            this.server = server.start();
            this.withTokenizer = withTokenizer;
        }

        @Override
        protected GenerationEngine open() {
            VllmEngineBuilder builder = VllmEngine.builder(server.uri());
            if (withTokenizer) {
                builder.tokenizer(new ByteTokenizer());
            }
            return builder.open();
        }

        @Override
        protected Prompt prompt() {
            return new Prompt.Tokens("Once upon a time".chars().boxed().toList());
        }

        @Override
        protected int contextLength() {
            return server.maxModelLength();
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

        @AfterAll
        void stopServer() {
            server.close();
        }
    }

    /** {@code /inference/v1/generate} of vLLM before 0.32. */
    @Nested
    class TokenIdStrings extends OnFake {
        TokenIdStrings() {
            super(FakeVllm.builder().generateRoute(FakeVllm.GenerateRoute.TOKEN_ID_STRINGS), true);
        }
    }

    /** {@code /v1/completions} with token ids. */
    @Nested
    class TokenIdsInCompletions extends OnFake {
        TokenIdsInCompletions() {
            super(FakeVllm.builder().generateRoute(FakeVllm.GenerateRoute.DISABLED), true);
        }
    }

    /** {@code /v1/completions} with the server's text. */
    @Nested
    class Text extends OnFake {
        Text() {
            super(FakeVllm.builder(), false);
        }
    }

    @Nested
    class RustText extends OnFake {
        RustText() {
            super(FakeVllm.builder().dialect(FakeVllm.Dialect.RUST), false);
        }
    }
}
