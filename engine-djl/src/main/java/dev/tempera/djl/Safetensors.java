package dev.tempera.djl;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The tensors of a checkpoint folder by name: {@code model.safetensors}, or the shards that
 * {@code model.safetensors.index.json} lists.
 *
 * <p>A safetensors file is an unsigned 64-bit little-endian length, a JSON header of that length (tensor name to
 * {@code dtype}, {@code shape} and {@code data_offsets}), and the data without gaps. Everything the header claims is
 * checked against the file before a byte of data is read, with the rules of the reference implementation
 * (huggingface/safetensors): header of at most 100 MB, offsets without gap or overlap, sizes that follow from shape and
 * type, and no byte left over.
 */
final class Safetensors {
    private static final long MAX_HEADER_BYTES = 100_000_000;
    private static final Map<String, Integer> BYTES_OF_TYPE = Map.ofEntries(
            Map.entry("BOOL", 1),
            Map.entry("U8", 1),
            Map.entry("I8", 1),
            Map.entry("F8_E5M2", 1),
            Map.entry("F8_E4M3", 1),
            Map.entry("I16", 2),
            Map.entry("U16", 2),
            Map.entry("F16", 2),
            Map.entry("BF16", 2),
            Map.entry("I32", 4),
            Map.entry("U32", 4),
            Map.entry("F32", 4),
            Map.entry("I64", 8),
            Map.entry("U64", 8),
            Map.entry("F64", 8));

    /** Where one tensor lies: {@code size} bytes from {@code position} of {@code file}. */
    record Entry(String name, Path file, String dtype, List<Long> shape, long position, long size) {
        /** The bytes where they lie in the file; read when they are touched. */
        ByteBuffer map() {
            if (size > Integer.MAX_VALUE) {
                throw new ModelFolderException(
                        name + " has " + size + " bytes in " + file + "; tensors of 2 GiB and more are not supported.");
            }
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                return channel.map(FileChannel.MapMode.READ_ONLY, position, size);
            } catch (IOException e) {
                throw ModelFolderException.unreadable(file, e);
            }
        }
    }

    private final Map<String, Entry> entries;
    private final String source;

    private Safetensors(Map<String, Entry> entries, String source) {
        this.entries = entries;
        this.source = source;
    }

    /** Reads and checks the headers, not the data. */
    static Safetensors open(Path folder) {
        Path index = folder.resolve("model.safetensors.index.json");
        Path single = folder.resolve("model.safetensors");
        if (Files.exists(single)) {
            return ofFile(single);
        }
        try {
            if (Files.exists(index)) {
                return new Safetensors(readShards(index), "the shards of " + index.getFileName());
            }
        } catch (IOException e) {
            throw ModelFolderException.unreadable(folder, e);
        }
        throw new ModelFolderException(folder + " has neither model.safetensors nor model.safetensors.index.json."
                + " Weights in another format must be converted to safetensors first.");
    }

    /** One file, whatever its name. */
    static Safetensors ofFile(Path file) {
        try {
            return new Safetensors(readHeader(file), file.getFileName().toString());
        } catch (IOException e) {
            throw ModelFolderException.unreadable(file, e);
        }
    }

    Entry get(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new ModelFolderException(name + " is missing in " + source + ", which has " + entries.size()
                    + " tensors. Does config.json belong to these weights?");
        }
        return entry;
    }

    private static Map<String, Entry> readShards(Path index) throws IOException {
        JsonNode weightMap = Json.readObject(index).path("weight_map");
        if (!weightMap.isObject() || weightMap.isEmpty()) {
            throw new ModelFolderException(index + " has no \"weight_map\" from tensor names to file names.");
        }
        var fileOfTensor = new TreeMap<String, String>();
        for (Map.Entry<String, JsonNode> field : weightMap.properties()) {
            fileOfTensor.put(field.getKey(), field.getValue().asText());
        }
        var entries = new LinkedHashMap<String, Entry>();
        for (String fileName : new TreeSet<>(fileOfTensor.values())) {
            Path shard = beside(index, fileName);
            if (!Files.exists(shard)) {
                throw new ModelFolderException(
                        shard + " is missing, but " + index.getFileName() + " lists it. Was the download finished?");
            }
            for (Entry entry : readHeader(shard).values()) {
                if (fileName.equals(fileOfTensor.get(entry.name()))) {
                    entries.put(entry.name(), entry);
                }
            }
        }
        fileOfTensor.forEach((name, fileName) -> {
            if (!entries.containsKey(name)) {
                throw new ModelFolderException(
                        index.getFileName() + " says that " + name + " is in " + fileName + ", but it is not there.");
            }
        });
        return entries;
    }

    static Path beside(Path index, String fileName) {
        // A relative path may have no parent, an absolute one of a file has.
        Path folder = Objects.requireNonNull(index.toAbsolutePath().normalize().getParent());
        Path shard = folder.resolve(fileName).normalize();
        if (fileName.isEmpty() || !folder.equals(shard.getParent())) {
            throw new ModelFolderException(
                    index + " names the file \"" + fileName + "\"; shards lie beside their index.");
        }
        return shard;
    }

    private static Map<String, Entry> readHeader(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long fileSize = channel.size();
            if (fileSize < 8) {
                throw new ModelFolderException(
                        file + " has " + fileSize + " bytes; a safetensors file has at least 8. Was it downloaded?");
            }
            long headerSize = read(channel, file, 0, 8).getLong();
            if (headerSize < 2 || headerSize > MAX_HEADER_BYTES) {
                throw new ModelFolderException(
                        file + " announces a header of " + Long.toUnsignedString(headerSize) + " bytes; at most "
                                + MAX_HEADER_BYTES + " are allowed. It is not a safetensors file, or damaged."
                                + hintOfPointerFile(channel, file, fileSize));
            }
            if (headerSize > fileSize - 8) {
                throw new ModelFolderException(file + " announces a header of " + headerSize + " bytes, but only "
                        + (fileSize - 8) + " follow: the file is truncated.");
            }
            byte[] header = read(channel, file, 8, (int) headerSize).array();
            return entries(Json.parseObject(header, "The header of " + file), file, 8 + headerSize, fileSize);
        }
    }

    private static String hintOfPointerFile(FileChannel channel, Path file, long fileSize) throws IOException {
        byte[] start = read(channel, file, 0, (int) Math.min(fileSize, 20)).array();
        return new String(start, StandardCharsets.ISO_8859_1).startsWith("version https://git")
                ? " It is a Git LFS pointer: run \"git lfs pull\" in the model folder."
                : "";
    }

    private static Map<String, Entry> entries(JsonNode header, Path file, long dataStart, long fileSize) {
        var all = new ArrayList<Entry>();
        for (Map.Entry<String, JsonNode> field : header.properties()) {
            if (!field.getKey().equals("__metadata__")) {
                all.add(entry(field.getKey(), field.getValue(), file, dataStart));
            }
        }
        all.sort(Comparator.comparingLong(Entry::position).thenComparingLong(Entry::size));
        long end = dataStart;
        String previous = "the header";
        for (Entry entry : all) {
            if (entry.position() != end) {
                throw new ModelFolderException(entry.name() + " in " + file + " begins at byte "
                        + (entry.position() - dataStart) + " of the data, "
                        + (entry.position() < end ? "inside " : "leaving a gap after ") + previous + ", which ends at "
                        + (end - dataStart) + ".");
            }
            end = entry.position() + entry.size();
            previous = entry.name();
        }
        if (end != fileSize) {
            throw new ModelFolderException(
                    file + " has " + (fileSize - dataStart) + " bytes of data, its header describes "
                            + (end - dataStart)
                            + (end > fileSize
                                    ? ": the file is truncated. Was the download finished?"
                                    : ": the file is damaged."));
        }
        var entries = new LinkedHashMap<String, Entry>();
        all.forEach(entry -> entries.put(entry.name(), entry));
        return entries;
    }

    private static Entry entry(String name, JsonNode node, Path file, long dataStart) {
        String dtype = node.path("dtype").asText();
        Integer bytes = BYTES_OF_TYPE.get(dtype);
        if (bytes == null) {
            throw new ModelFolderException(name + " in " + file + ": unknown dtype \"" + dtype + "\"; known are "
                    + String.join(", ", new TreeSet<>(BYTES_OF_TYPE.keySet())) + ".");
        }
        List<Long> shape = wholeNumbers(name, node.path("shape"), "shape", file);
        List<Long> offsets = wholeNumbers(name, node.path("data_offsets"), "data_offsets", file);
        if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
            throw new ModelFolderException(
                    name + " in " + file + ": data_offsets must be [begin, end], found " + offsets + ".");
        }
        long size = offsets.get(1) - offsets.get(0);
        long expected;
        long position;
        try {
            long elements = 1;
            for (long dimension : shape) {
                elements = Math.multiplyExact(elements, dimension);
            }
            expected = Math.multiplyExact(elements, (long) bytes);
            position = Math.addExact(dataStart, offsets.get(0));
            Math.addExact(position, size);
        } catch (ArithmeticException e) {
            throw new ModelFolderException(name + " in " + file + ": shape " + shape + " or data_offsets " + offsets
                    + " is beyond what a file can hold.");
        }
        if (size != expected) {
            throw new ModelFolderException(name + " in " + file + ": shape " + shape + " of " + dtype + " takes "
                    + expected + " bytes, but data_offsets " + offsets + " leave " + size + ".");
        }
        return new Entry(name, file, dtype, shape, position, size);
    }

    private static List<Long> wholeNumbers(String name, JsonNode node, String field, Path file) {
        var values = new ArrayList<Long>();
        for (JsonNode value : node) {
            if (!value.isIntegralNumber() || !value.canConvertToLong() || value.asLong() < 0) {
                throw new ModelFolderException(
                        name + " in " + file + ": " + field + " must hold whole numbers, found " + value + ".");
            }
            values.add(value.asLong());
        }
        if (!node.isArray()) {
            throw new ModelFolderException(name + " in " + file + " has no " + field + ".");
        }
        return List.copyOf(values);
    }

    private static ByteBuffer read(FileChannel channel, Path file, long position, int size) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw new ModelFolderException(file + " ended while it was read.");
            }
        }
        return buffer.flip();
    }
}
