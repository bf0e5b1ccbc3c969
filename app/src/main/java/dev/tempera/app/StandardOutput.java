package dev.tempera.app;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/** Standard output that remembers why it could not be written; a print stream would only know that. */
final class StandardOutput extends OutputStream {
    private final FileOutputStream out;
    private @Nullable IOException failure;

    StandardOutput() {
        this(new FileOutputStream(FileDescriptor.out));
    }

    StandardOutput(FileOutputStream out) {
        this.out = out;
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        try {
            out.write(bytes, offset, length);
        } catch (IOException e) {
            failure = e;
            throw e;
        }
    }

    /** Whether something was lost. Not when the reader left ({@code | head -1}): it has what it wanted. */
    boolean failed() {
        return failure != null && hasPosition();
    }

    /**
     * A file or a device has a place where the next byte goes; a pipe, a socket or a terminal has none, and cannot be
     * written only once nobody reads it. The message of the failure is in the language of the system.
     */
    private boolean hasPosition() {
        try {
            out.getChannel().position();
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    String failure() {
        return failure == null ? "" : String.valueOf(failure.getMessage());
    }
}
