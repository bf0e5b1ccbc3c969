package dev.tempera.djl;

import dev.tempera.engine.GenerationEngine;
import dev.tempera.engine.Prompt;
import dev.tempera.testkit.GenerationEngineContract;

class DjlEngineContractTest extends GenerationEngineContract {
    @Override
    protected GenerationEngine open() {
        return TinyQwen2.engine()
                .dtype(Dtype.FLOAT32)
                .contextLength(contextLength())
                .open();
    }

    @Override
    protected Prompt prompt() {
        return new Prompt.Text("春江潮水连海平");
    }

    @Override
    protected int contextLength() {
        return 200;
    }
}
