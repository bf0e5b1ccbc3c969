package dev.tempera.app;

/** A secret: whatever prints this prints no key. */
record ApiKey(String value) {
    /** @param origin where it was given, for messages */
    static ApiKey of(String origin, String value) {
        if (!value.matches("[!-~]+")) {
            // Others do not fit into a header; a key that was pasted with its line end is the usual case.
            throw new InputException(origin + " must be one word of printable ASCII characters"
                    + (value.isBlank() ? ", got none" : ", got others"));
        }
        return new ApiKey(value);
    }

    @Override
    public String toString() {
        return "(secret)";
    }
}
