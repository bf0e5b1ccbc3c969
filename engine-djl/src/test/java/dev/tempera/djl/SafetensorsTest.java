package dev.tempera.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
    @TempDir
    Path folder;

    @Test
    void open_goodFile_findsTensorsWithTheirBytes() throws IOException {
        write(
                "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[2,10]},"
                        + "\"a\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]}}",
                10);
        Safetensors.Entry entry = Safetensors.open(folder).get("b");
        assertThat(entry.shape()).isEqualTo(List.of(1L, 2L));
        assertThat(entry.map().remaining()).isEqualTo(8);
        assertThat(entry.map().get(0)).isEqualTo((byte) 2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{`a`:{`dtype`:`F32`,`shape`:[2],`data_offsets`:[0,4]}}|4|a in %s: shape [2] of F32 takes 8 bytes, but data_offsets [0, 4] leave 4.",
                "{`a`:{`dtype`:`F32`,`shape`:[1],`data_offsets`:[0,4]},`b`:{`dtype`:`F32`,`shape`:[1],`data_offsets`:[2,6]}}|6|b in %s begins at byte 2 of the data, inside a, which ends at 4.",
                "{`a`:{`dtype`:`F32`,`shape`:[1],`data_offsets`:[4,8]}}|8|a in %s begins at byte 4 of the data, leaving a gap after the header, which ends at 0.",
                "{`a`:{`dtype`:`F32`,`shape`:[4],`data_offsets`:[0,16]}}|8|%s has 8 bytes of data, its header describes 16: the file is truncated. Was the download finished?",
                "{`a`:{`dtype`:`F32`,`shape`:[1],`data_offsets`:[0,4]}}|8|%s has 8 bytes of data, its header describes 4: the file is damaged.",
                "{`a`:{`dtype`:`Q4_0`,`shape`:[1],`data_offsets`:[0,4]}}|4|a in %s: unknown dtype \"Q4_0\"; known are BF16, BOOL, F16, F32, F64, F8_E4M3, F8_E5M2, I16, I32, I64, I8, U16, U32, U64, U8.",
                "{`a`:{`dtype`:`F32`,`shape`:[-1],`data_offsets`:[0,4]}}|4|a in %s: shape must hold whole numbers, found -1.",
                "{`a`:{`dtype`:`F32`,`shape`:[1.5],`data_offsets`:[0,4]}}|4|a in %s: shape must hold whole numbers, found 1.5.",
                "{`a`:{`dtype`:`F32`,`data_offsets`:[0,4]}}|4|a in %s has no shape.",
                "{`a`:{`dtype`:`F32`,`shape`:[1],`data_offsets`:[4,0]}}|4|a in %s: data_offsets must be [begin, end], found [4, 0].",
                "{`a`:{`dtype`:`F32`,`shape`:[4611686018427387904,4],`data_offsets`:[0,4]}}|4|a in %s: shape [4611686018427387904, 4] or data_offsets [0, 4] is beyond what a file can hold.",
                "[1]|0|The header of %s must hold a JSON object, found array.",
            })
    void open_contradictoryHeader_saysWhatIsWrong(String header, int dataBytes, String message) throws IOException {
        write(header.replace('`', '"'), dataBytes);
        assertThatThrownBy(() -> Safetensors.open(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessage(message.replace(
                        "%s", folder.resolve("model.safetensors").toString()));
    }

    @Test
    void open_duplicateTensor_isRefused() throws IOException {
        write(
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                        + "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                2);
        assertThatThrownBy(() -> Safetensors.open(folder)).hasMessageContaining("Duplicate field 'a'");
    }

    @Test
    void open_headerThatIsNoJson_isRefused() throws IOException {
        write("{\"a\":", 0);
        assertThatThrownBy(() -> Safetensors.open(folder)).hasMessageContaining("is not valid JSON");
    }

    @Test
    void open_absurdHeaderLength_isRefusedWithoutReadingIt() throws IOException {
        writeLength(1L << 60);
        assertThatThrownBy(() -> Safetensors.open(folder))
                .hasMessageContaining("announces a header of 1152921504606846976 bytes; at most 100000000 are allowed");
        writeLength(-1);
        assertThatThrownBy(() -> Safetensors.open(folder))
                .hasMessageContaining("a header of 18446744073709551615 bytes");
        writeLength(1000);
        assertThatThrownBy(() -> Safetensors.open(folder))
                .hasMessageContaining("announces a header of 1000 bytes, but only 2 follow: the file is truncated.");
    }

    @Test
    void open_emptyFile_isRefused() throws IOException {
        Files.write(folder.resolve("model.safetensors"), new byte[0]);
        assertThatThrownBy(() -> Safetensors.open(folder))
                .hasMessageContaining("has 0 bytes; a safetensors file has at least 8");
    }

    @Test
    void open_gitLfsPointer_saysSo() throws IOException {
        Files.writeString(
                folder.resolve("model.safetensors"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
        assertThatThrownBy(() -> Safetensors.open(folder)).hasMessageContaining("run \"git lfs pull\"");
    }

    @Test
    void open_noWeights_isRefused() {
        assertThatThrownBy(() -> Safetensors.open(folder))
                .hasMessageContaining("has neither model.safetensors nor model.safetensors.index.json");
    }

    @Test
    void open_shards_mustExistLieBesideTheIndexAndHoldWhatItSays() throws IOException {
        Path index = folder.resolve("model.safetensors.index.json");
        Files.writeString(index, "{\"weight_map\":{\"a\":\"one.safetensors\"}}");
        assertThatThrownBy(() -> Safetensors.open(folder))
                .hasMessageContaining("one.safetensors is missing, but model.safetensors.index.json lists it");
        Files.writeString(index, "{\"weight_map\":{\"a\":\"../one.safetensors\"}}");
        assertThatThrownBy(() -> Safetensors.open(folder)).hasMessageContaining("shards lie beside their index");
        Files.writeString(index, "{\"weight_map\":{\"a\":\"one.safetensors\"}}");
        Files.write(folder.resolve("one.safetensors"), file("{}", ByteBuffer.allocate(0)));
        assertThatThrownBy(() -> Safetensors.open(folder))
                .hasMessage("model.safetensors.index.json says that a is in one.safetensors, but it is not there.");
        Files.writeString(index, "{}");
        assertThatThrownBy(() -> Safetensors.open(folder)).hasMessageContaining("has no \"weight_map\"");
    }

    @Test
    void shards_ofARelativeFolder_lieBesideTheIndex() {
        Path here = Path.of("").toAbsolutePath();
        for (Path relative : List.of(Path.of(""), Path.of("."), Path.of("src/.."))) {
            assertThat(Safetensors.beside(relative.resolve("model.safetensors.index.json"), "one.safetensors"))
                    .isEqualTo(here.resolve("one.safetensors"));
        }
    }

    @Test
    void open_unreadableFile_isRefused() throws IOException {
        Path file = Files.createDirectory(folder.resolve("model.safetensors")); // not even root can read a folder
        assertThatThrownBy(() -> Safetensors.open(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessageStartingWith(file + " cannot be read: java.io.IOException: ");
        Path config = Files.createDirectory(folder.resolve("config.json"));
        assertThatThrownBy(() -> Qwen2Config.read(folder))
                .isInstanceOf(ModelFolderException.class)
                .hasMessageStartingWith(config + " cannot be read: java.io.IOException: ");
    }

    @Test
    void open_truncatedCheckpoint_isRefused() throws IOException {
        TinyQwen2.copyTo(folder);
        try (var file = new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        assertThatThrownBy(() -> Safetensors.open(folder)).hasMessageContaining("the file is truncated");
    }

    static byte[] file(String header, ByteBuffer data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file =
                ByteBuffer.allocate(8 + json.length + data.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        return file.putLong(json.length).put(json).put(data).array();
    }

    private void write(String header, int dataBytes) throws IOException {
        ByteBuffer data = ByteBuffer.allocate(dataBytes);
        for (int i = 0; i < dataBytes; i++) {
            data.put((byte) i);
        }
        Files.write(folder.resolve("model.safetensors"), file(header, data.flip()));
    }

    private void writeLength(long length) throws IOException {
        ByteBuffer file = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        Files.write(folder.resolve("model.safetensors"), file.array());
    }
}
