package dev.tempera.app.process;

import dev.tempera.InvalidParametersException;
import dev.tempera.Options;

/** How one peer calls its processors and their parameters, and what each of them means here. */
interface PeerNames {
    /**
     * @param params the peer's parameters; those that are not read are reported
     * @throws InvalidParametersException if the processor is unknown or not available, or a value is not allowed
     */
    Setup setup(PeerCase peerCase, Options params);

    /** For a processor that the peer has and this library does not have yet. */
    static InvalidParametersException notAvailable(String processor) {
        return new InvalidParametersException("processor \"" + processor + "\" is not available here");
    }

    static InvalidParametersException unknown(String peer, String processor, Iterable<String> known) {
        return new InvalidParametersException(
                peer + " has no processor \"" + processor + "\"; known: " + String.join(", ", known));
    }
}
