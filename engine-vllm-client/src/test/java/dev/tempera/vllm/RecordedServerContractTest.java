package dev.tempera.vllm;

import dev.tempera.engine.Tokenizer;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.testkit.vllm.Fault;
import dev.tempera.testkit.vllm.RecordedVllm;
import dev.tempera.tokenizer.ModelTokenizer;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;

/**
 * The contract of servers on what vLLM 0.32.0 said to {@link RealServerContractIT}, cut at every seventh byte. If the
 * client asks for something else, record again.
 */
class RecordedServerContractTest extends VllmServerContract {
    private final RecordedVllm server = RecordedVllm.start(folder(), Fault.splitEvery(7));

    private static Path folder() {
        try {
            return Path.of(Objects.requireNonNull(
                            RecordedServerContractTest.class.getResource("/recordings/contract-vllm-0.32.0"))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    VllmEngineBuilder server() {
        return VllmEngine.builder(server.uri());
    }

    @Override
    Tokenizer tokenizer() {
        return ModelTokenizer.open(SampleModel.path());
    }

    @Override
    String prompt() {
        return "春天";
    }

    @Override
    Capabilities.Frontend frontend() {
        return Capabilities.Frontend.PYTHON;
    }

    @AfterAll
    void stopServer() {
        server.close();
    }
}
