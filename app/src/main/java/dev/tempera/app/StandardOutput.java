package dev.tempera.app;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Standard output that remembers why it could not be written; a print stream would only know that. */
final class StandardOutput extends OutputStream {
    private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
    private @Nullable IOException failure;

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
        return failure != null && !failure().toLowerCase(Locale.ROOT).contains("pipe");
    }

    String failure() {
        return failure == null ? "" : String.valueOf(failure.getMessage());
    }
}
