package dev.tempera.app;

import java.util.LinkedHashMap;
import java.util.Map;

/** Says by options of this program what the library's messages say by methods of its builders. */
final class OptionWords {
    private static final Map<String, String> OPTIONS = new LinkedHashMap<>();

    static {
        OPTIONS.put("builder.tokenizer(...)", "--tokenizer FOLDER");
        OPTIONS.put("; builder.allowStepwise(true) runs it here, token by token", ""); // Failures names the option
        OPTIONS.put("Stepwise.withCandidates(-1)", "--stepwise-candidates -1");
        OPTIONS.put(": ask for logprobs", ": ask for --logprobs N");
        OPTIONS.put("give the server's one.", "give the server's one by VLLM_API_KEY or --api-key.");
        OPTIONS.put("the text so far is in the partial result", "that is all the text that came");
        OPTIONS.put("raise the total timeout", "raise --timeout");
        OPTIONS.put("raise the timeout between tokens", "raise --timeout between-tokens=SECONDS");
        OPTIONS.put("raise the timeout of the first token", "raise --timeout first-token=SECONDS");
        OPTIONS.put(
                "give a transport whose SSLContext trusts the server's certificate",
                "name a store that has its certificate: TEMPERA_JAVA_OPTIONS=-Djavax.net.ssl.trustStore=FILE");
    }

    private OptionWords() {}

    static String of(String message) {
        String said = message;
        for (Map.Entry<String, String> option : OPTIONS.entrySet()) {
            said = said.replace(option.getKey(), option.getValue());
        }
        return said;
    }
}
