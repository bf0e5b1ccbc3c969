package dev.tempera.djl;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import com.sun.management.OperatingSystemMXBean;
import dev.tempera.InvalidParametersException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** How much memory a device has left: loading more than that gets the process killed without a message. */
final class AvailableMemory {
    private AvailableMemory() {}

    /** Bytes; on Linux with the page cache that the kernel would give up, and within the container's limit. */
    static long of(Device device) {
        if (device.isGpu()) {
            MemoryUsage gpu = CudaUtils.getGpuMemory(device);
            return gpu.getMax() - gpu.getUsed();
        }
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        try {
            for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
                if (line.startsWith("MemAvailable:")) {
                    long kibibytes = Long.parseLong(line.replaceAll("[^0-9]", ""));
                    long left = Math.min(leftInContainer(Path.of("/sys/fs/cgroup")), system.getTotalMemorySize());
                    return Math.min(kibibytes * 1024, left);
                }
            }
        } catch (IOException e) {
            // Not Linux: the JVM's own figure has to do.
        }
        return system.getFreeMemorySize();
    }

    /** The smaller of what control groups of version 2 and of version 1 say; much where there is no limit. */
    static long leftInContainer(Path cgroup) {
        return Math.min(
                left(cgroup, "memory.max", "memory.current", ""),
                left(cgroup.resolve("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"));
    }

    /** Limit minus use, where the page cache is no use: the kernel gives it up. */
    private static long left(Path group, String limitFile, String useFile, String prefix) {
        try {
            String limit = Files.readString(group.resolve(limitFile)).strip();
            if (limit.equals("max")) {
                return Long.MAX_VALUE;
            }
            long used = Long.parseLong(Files.readString(group.resolve(useFile)).strip());
            for (String line : Files.readAllLines(group.resolve("memory.stat"))) {
                if (line.startsWith(prefix + "active_file ") || line.startsWith(prefix + "inactive_file ")) {
                    used -= Long.parseLong(line.substring(line.indexOf(' ') + 1));
                }
            }
            return Long.parseLong(limit) - Math.max(0, used);
        } catch (IOException e) {
            return Long.MAX_VALUE; // no such group
        }
    }

    /** Throws when {@code needed} bytes for the weights and one full context do not fit into {@code free} bytes. */
    static void require(long needed, long free, ModelFolder model, Device device) {
        require(needed, free, model.name(), model.dtype(), model.contextLength(), device);
    }

    static void require(long needed, long free, String model, Dtype dtype, int contextLength, Device device) {
        if (needed > free) {
            throw new ModelFolderException(String.format(
                    Locale.ROOT,
                    "%s needs %s in %s on %s for its weights and a context of %d tokens, %s free; %s.",
                    model,
                    gigabytes(needed),
                    dtype.name().toLowerCase(Locale.ROOT),
                    device.isGpu() ? "gpu" + device.getDeviceId() : "cpu",
                    contextLength,
                    gigabytes(free),
                    dtype == Dtype.FLOAT32
                            ? "load it as bfloat16, or take a shorter context or a smaller model"
                            : "take a shorter context, a smaller model or a machine with more memory"));
        }
    }

    /** Throws when the cache of a negative prompt and its continuation does not fit into {@code free} bytes. */
    static void requireNegativePrompt(long needed, long free, String model, int tokens) {
        if (needed > free) {
            throw new InvalidParametersException(String.format(
                    Locale.ROOT,
                    "the negative prompt needs %s more for its own %d tokens in model %s, %s free; set a smaller"
                            + " max_tokens, or leave guidance_scale out",
                    gigabytes(needed),
                    tokens,
                    model,
                    gigabytes(free)));
        }
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }
}
