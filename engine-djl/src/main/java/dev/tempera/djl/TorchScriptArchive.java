package dev.tempera.djl;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Composes the archive that {@code torch.jit.load} reads, around one class given as TorchScript text, so that no Python
 * is needed to build the decoder.
 *
 * <p>The archive is a ZIP of stored entries: the text, a pickle (protocol 2) of one instance of the class with its
 * attributes, an empty tuple of constants, and the version of the file format.
 */
final class TorchScriptArchive {
    private TorchScriptArchive() {}

    /**
     * @param className the class that {@code code} defines
     * @param attributes of the instance: booleans, ints and doubles
     */
    static byte[] compose(String className, String code, Map<String, ?> attributes) {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            store(zip, "m/data.pkl", pickledInstance(className, attributes));
            store(zip, "m/constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
            store(zip, "m/version", utf8("10\n"));
            store(zip, "m/code/__torch__.py", utf8(code));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static byte[] pickledInstance(String className, Map<String, ?> attributes) throws IOException {
        var bytes = new ByteArrayOutputStream();
        var out = new DataOutputStream(bytes);
        out.write(new byte[] {(byte) 0x80, 2}); // PROTO 2
        out.write(utf8("c__torch__\n" + className + "\n)")); // GLOBAL module, name; EMPTY_TUPLE
        out.writeByte(0x81); // NEWOBJ
        out.writeBytes("}("); // EMPTY_DICT, MARK
        for (Map.Entry<String, ?> attribute : attributes.entrySet()) {
            byte[] name = utf8(attribute.getKey());
            out.writeByte('X'); // BINUNICODE
            out.writeInt(Integer.reverseBytes(name.length));
            out.write(name);
            writeValue(out, attribute.getValue());
        }
        out.writeBytes("ub."); // SETITEMS, BUILD, STOP
        return bytes.toByteArray();
    }

    private static void writeValue(DataOutputStream out, Object value) throws IOException {
        if (value instanceof Boolean flag) {
            out.writeByte(flag ? 0x88 : 0x89); // NEWTRUE, NEWFALSE
        } else if (value instanceof Integer number) {
            out.writeByte('J'); // BININT
            out.writeInt(Integer.reverseBytes(number));
        } else if (value instanceof Double number) {
            out.writeByte('G'); // BINFLOAT, big endian
            out.writeDouble(number);
        } else {
            throw new IllegalArgumentException("An attribute is a boolean, an int or a double, not " + value);
        }
    }

    private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
        var crc = new CRC32();
        crc.update(content);
        var entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
