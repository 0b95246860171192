//! The countries of ISO 3166-1, so that a mistyped one is found before any call.
//!
//! Source: the 249 officially assigned alpha-2 codes, <https://www.iso.org/obp/ui/#search/code/>, as the IANA time zone database (2025b,
//! `iso3166.tab`) and Debian's `iso-codes` have them; both agree. The list changes every few years, a code at a time.

/// All codes, in order.
const CODES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY \
    BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK \
    FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR \
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK \
    ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM \
    PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF \
    TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// What people write for a country whose code is another: exceptionally reserved codes, languages, names of their own.
const MEANT: &[(&str, &str)] = &[
    ("UK", "GB"), // exceptionally reserved for the United Kingdom, and not in the list
    ("EL", "GR"),
    ("EN", "GB"),
    ("JA", "JP"),
    ("KO", "KR"),
];

/// Whether it is the code of a country.
pub fn is_one(code: &str) -> bool {
    code.len() == 2 && CODES.split(' ').any(|known| known == code)
}

/// What was probably meant by what is no code.
pub fn suggest(word: &str) -> Option<String> {
    let upper = word.trim().to_ascii_uppercase();
    let meant = MEANT.iter().find(|(other, _)| *other == upper).map(|(_, code)| *code);
    let code = if is_one(&upper) { Some(upper.as_str()) } else { meant };
    code.map(|code| format!("did you mean `{code}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_in_order() {
        let codes: Vec<&str> = CODES.split(' ').collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.windows(2).all(|two| two[0] < two[1]) && codes.iter().all(|code| code.len() == 2));
        for code in ["HT", "US", "KE", "NO", "SS", "ZW", "AD"] {
            assert!(is_one(code), "{code}");
        }
        for code in ["XX", "UK", "us", "", "U", "USA", "S Z"] {
            assert!(!is_one(code), "{code}");
        }
        assert!(MEANT.iter().all(|(other, code)| is_one(code) && !is_one(other)));
    }

    #[test]
    fn what_was_meant_is_said() {
        assert_eq!(suggest("us").as_deref(), Some("did you mean `US`?"));
        assert_eq!(suggest("UK").as_deref(), Some("did you mean `GB`?"));
        assert_eq!(suggest("XX"), None);
    }
}
