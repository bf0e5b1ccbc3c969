package dev.tempera.app.process;

import java.util.Arrays;
import java.util.Iterator;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code vllm}, {@code transformers} and {@code llama-cpp}. */
final class PeerConverter implements ITypeConverter<Peer>, Iterable<String> {
    @Override
    public Peer convert(String name) {
        for (Peer peer : Peer.values()) {
            if (peer.option().equals(name)) {
                return peer;
            }
        }
        throw new TypeConversionException("must be one of " + String.join(", ", this) + ", got " + name);
    }

    @Override
    public Iterator<String> iterator() {
        return Arrays.stream(Peer.values()).map(Peer::option).iterator();
    }
}
