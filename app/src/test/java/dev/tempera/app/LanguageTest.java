package dev.tempera.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class LanguageTest {
    @Test
    void locale_decides() {
        assertThat(Language.of(Map.of("LANG", "zh_CN.UTF-8"))).isEqualTo(Language.ZH);
        assertThat(Language.of(Map.of("LANG", "de_DE.UTF-8"))).isEqualTo(Language.EN);
        assertThat(Language.of(Map.of("LANG", "en_US.UTF-8", "LC_ALL", "zh_TW")))
                .isEqualTo(Language.ZH);
    }

    @Test
    void theLocaleC_saysNothing() {
        assertThat(Language.of(Map.of("LC_ALL", "C.UTF-8", "LANG", "zh_CN.GB18030")))
                .isEqualTo(Language.ZH);
    }
}
