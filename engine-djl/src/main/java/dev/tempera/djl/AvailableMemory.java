package dev.tempera.djl;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import com.sun.management.OperatingSystemMXBean;
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
                    return Math.min(kibibytes * 1024, system.getTotalMemorySize());
                }
            }
        } catch (IOException e) {
            // Not Linux: the JVM's own figure has to do.
        }
        return system.getFreeMemorySize();
    }

    /** Throws when a model of {@code needed} bytes does not fit into {@code free} bytes. */
    static void require(long needed, long free, String model, Dtype dtype, Device device) {
        if (needed > free) {
            throw new ModelFolderException(String.format(
                    Locale.ROOT,
                    "%s needs %s in %s on %s, %s free; %s.",
                    model,
                    gigabytes(needed),
                    dtype.name().toLowerCase(Locale.ROOT),
                    device.isGpu() ? "gpu" + device.getDeviceId() : "cpu",
                    gigabytes(free),
                    dtype == Dtype.FLOAT32
                            ? "load it as bfloat16, or take a smaller model"
                            : "take a smaller model or a machine with more memory"));
        }
    }

    private static String gigabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
    }
}
