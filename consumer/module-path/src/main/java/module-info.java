module com.example.sampling {
    requires dev.tempera;

    provides dev.tempera.LogitsProcessorProvider with
            com.example.sampling.OddTokensProvider;
}
