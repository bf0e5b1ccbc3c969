package dev.tempera.vllm;

import dev.tempera.engine.Tokenizer;
import dev.tempera.samplemodel.SampleModel;
import dev.tempera.tokenizer.ModelTokenizer;
import java.nio.file.Path;

/**
 * The contract of servers on a real vLLM. {@code -Dtempera.record=FOLDER} writes its exchanges down for
 * {@link RecordedServerContractTest}.
 */
class RealServerContractIT extends VllmServerContract {
    @Override
    VllmEngineBuilder server() {
        VllmEngineBuilder builder = VllmEngine.builder(RealVllm.shared().uri());
        String folder = System.getProperty("tempera.record");
        return folder == null ? builder : builder.transport(new RecordingTransport(Path.of(folder)));
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
}
