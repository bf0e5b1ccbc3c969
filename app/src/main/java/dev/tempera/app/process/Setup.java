package dev.tempera.app.process;

import dev.tempera.LogitsProcessor;
import dev.tempera.SamplingPipeline;
import java.util.List;

/**
 * What a case comes to.
 *
 * @param promptSize how many tokens of the history count as the prompt
 */
record Setup(SamplingPipeline pipeline, int promptSize, List<Integer> stopTokenIds) {
    static Setup of(PeerCase peerCase, LogitsProcessor... processors) {
        return new Setup(SamplingPipeline.of(processors), peerCase.prompt().length, List.of());
    }

    Setup withPromptSize(int size) {
        return new Setup(pipeline, size, stopTokenIds);
    }

    Setup withStopTokenIds(List<Integer> ids) {
        return new Setup(pipeline, promptSize, ids);
    }
}
