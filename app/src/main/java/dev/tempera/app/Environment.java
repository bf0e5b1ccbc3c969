package dev.tempera.app;

import java.io.InputStream;
import java.util.Map;

/**
 * What the commands use of the world around them, standard output and error apart, which picocli carries.
 *
 * @param variables environment variables
 */
record Environment(InputStream input, Map<String, String> variables, Terminal terminal, EngineOpener engines) {}
