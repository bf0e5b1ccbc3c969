package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class StandardOutputTest {
    @TempDir
    private Path folder;

    /** Cannot be written; the file is real, the message that of a system in any language. */
    private static final class Broken extends FileOutputStream {
        private final String message;

        Broken(FileDescriptor file, String message) {
            super(file);
            this.message = message;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            throw new IOException(message);
        }
    }

    private static StandardOutput afterWriting(RandomAccessFile file, String message) throws IOException {
        StandardOutput out = new StandardOutput(new Broken(file.getFD(), message));
        assertThatThrownBy(() -> out.write('x')).hasMessage(message);
        return out;
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void pipeWithoutReader_isNoFailure() throws Exception {
        Path pipe = folder.resolve("pipe");
        new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor();
        try (RandomAccessFile file = new RandomAccessFile(pipe.toFile(), "rw")) {
            assertThat(afterWriting(file, "断开的管道").failed()).isFalse();
            assertThat(afterWriting(file, "Broken pipe").failed()).isFalse();
        }
    }

    @Test
    void fullDisk_isAFailure() throws Exception {
        try (RandomAccessFile file =
                new RandomAccessFile(folder.resolve("pipes.txt").toFile(), "rw")) {
            StandardOutput out = afterWriting(file, "设备上没有空间");
            assertThat(out.failed()).isTrue();
            assertThat(out.failure()).isEqualTo("设备上没有空间");
            assertThat(afterWriting(file, "no space on /srv/pipeline").failed()).isTrue();
        }
    }

    @Test
    void whatCouldBeWritten_isNoFailure() throws Exception {
        Path written = folder.resolve("written.txt");
        StandardOutput out = new StandardOutput(new FileOutputStream(written.toFile()));
        out.write('x');
        out.write(new byte[] {'y', 'z'}, 0, 2);
        assertThat(out.failed()).isFalse();
        assertThat(written).hasContent("xyz");
    }
}
