package dev.tempera.vllm;

import dev.tempera.engine.Tokenizer;
import dev.tempera.testkit.vllm.FakeVllm;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Nested;

/** The contract of servers on the fake, in every dialect. */
class FakeServerContractTest {
    private abstract static class OnFake extends VllmServerContract {
        private final FakeVllm server;
        private final Capabilities.Frontend frontend;

        OnFake(FakeVllm.Builder server, Capabilities.Frontend frontend) {
            this.server = server.start();
            this.frontend = frontend;
        }

        @Override
        VllmEngineBuilder server() {
            return VllmEngine.builder(server.uri());
        }

        @Override
        Tokenizer tokenizer() {
            return frontend == Capabilities.Frontend.PYTHON ? server.tokenizer() : null;
        }

        @Override
        String prompt() {
            return "Once upon a time";
        }

        @Override
        Capabilities.Frontend frontend() {
            return frontend;
        }

        @AfterAll
        void stopServer() {
            server.close();
        }
    }

    @Nested
    class Python extends OnFake {
        Python() {
            super(FakeVllm.builder(), Capabilities.Frontend.PYTHON);
        }
    }

    @Nested
    class PythonBefore extends OnFake {
        PythonBefore() {
            super(
                    FakeVllm.builder().generateRoute(FakeVllm.GenerateRoute.TOKEN_ID_STRINGS),
                    Capabilities.Frontend.PYTHON);
        }
    }

    @Nested
    class PythonWithoutTokenRoute extends OnFake {
        PythonWithoutTokenRoute() {
            super(FakeVllm.builder().generateRoute(FakeVllm.GenerateRoute.DISABLED), Capabilities.Frontend.PYTHON);
        }
    }

    @Nested
    class OldPython extends OnFake {
        OldPython() {
            super(FakeVllm.builder().dialect(FakeVllm.Dialect.PYTHON_V0_10), Capabilities.Frontend.PYTHON_OLD);
        }
    }

    @Nested
    class Rust extends OnFake {
        Rust() {
            super(FakeVllm.builder().dialect(FakeVllm.Dialect.RUST), Capabilities.Frontend.RUST);
        }
    }
}
