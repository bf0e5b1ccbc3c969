import dev.tempera.LogitsProcessorProvider;
import dev.tempera.processor.StandardProcessors;

/** Sampling from language models: logits, processors, sampler and the contract of a generation engine. */
module dev.tempera {
    requires static org.jspecify;

    exports dev.tempera;
    exports dev.tempera.engine;
    exports dev.tempera.processor;
    exports dev.tempera.trace;

    uses LogitsProcessorProvider;

    provides LogitsProcessorProvider with
            StandardProcessors;
}
