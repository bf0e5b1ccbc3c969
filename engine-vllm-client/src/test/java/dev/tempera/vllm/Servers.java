package dev.tempera.vllm;

import dev.tempera.engine.Logprobs;
import java.net.URI;
import java.util.List;

/** What servers can do, for tests of the plan. */
final class Servers {
    static final Capabilities RECENT = recent(20, Logprobs.Stage.RAW_LOGPROBS);

    private Servers() {}

    static Capabilities recent(int maxLogprobs, Logprobs.Stage stage) {
        return of("0.32.0", Capabilities.Frontend.PYTHON, Capabilities.TokenRoute.NUMBERED_TOKENS, maxLogprobs, stage);
    }

    static Capabilities of(
            String version,
            Capabilities.Frontend frontend,
            Capabilities.TokenRoute route,
            int maxLogprobs,
            Logprobs.Stage stage) {
        return new Capabilities(
                URI.create("http://localhost:8000"),
                version,
                null,
                frontend,
                List.of(
                        new Capabilities.ServedModel("base", null, 1024),
                        new Capabilities.ServedModel("adapter", "base", null)),
                "base",
                1024,
                maxLogprobs,
                stage,
                route,
                true,
                1,
                true,
                true,
                16);
    }
}
