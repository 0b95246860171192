use super::*;

const ADDRESS: &str = "/openmrs/spa/chart?from=a%2Fb&to=";

fn states() -> Vec<State> {
    vec![
        State::Queued { position: 3, of: 5 },
        State::Starting { since: 12, usual: Some(45), step: "The database answers.".into() },
        State::Starting { since: 80, usual: Some(45), step: String::new() },
        State::Starting { since: 0, usual: None, step: String::new() },
        State::Ready,
        State::Failed { why: "It ended before it was ready.".into(), tries: 3, next_try: 120 },
        State::Asleep,
        State::Suspended,
        State::Busy { doing: "A backup of its data is being restored.".into() },
        State::NoRoom,
    ]
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(one, _)| *one == name).map(|(_, value)| value.as_str())
}

/// What people and programs are told in each state. The frame of the page, which is the same in all, stands in the first.
#[test]
fn each_state_in_words() {
    let whole = page("ckwc", ADDRESS, &states()[0]);
    let headers: String = whole.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    insta::assert_snapshot!("page", format!("{}\n{headers}\n{}", whole.status, whole.body));
    let mut text = String::new();
    for state in states() {
        let (page, words) = (page("ckwc", ADDRESS, &state), words("ckwc", &state));
        let main = page.body.split("<main>\n").nth(1).and_then(|rest| rest.split("</main>").next()).expect("a main part");
        let refresh = header(&page, "refresh").unwrap_or("never");
        let _ = writeln!(text, "{state:?}\nreload: {refresh}\n{main}{} {}\n", words.status, words.body);
    }
    insta::assert_snapshot!("states", text);
}

#[test]
fn no_cache_keeps_an_answer_and_no_front_end_is_logged_out() {
    for state in states() {
        for (answer, status) in [(page("ckwc", ADDRESS, &state), 200), (words("ckwc", &state), 503)] {
            assert_eq!(answer.status, status, "{state:?}");
            assert_eq!(header(&answer, "cache-control"), Some("no-store"), "{state:?}");
            assert_eq!(header(&answer, "x-robots-tag"), Some("noindex"), "{state:?}");
        }
        let said = words("ckwc", &state);
        let body: Value = serde_json::from_str(&said.body).expect("JSON");
        assert_eq!(header(&said, "retry-after"), Some(body["retry_after_seconds"].to_string().as_str()));
        assert!(state.retry_after() > 0, "{state:?}");
    }
}

#[test]
fn the_cookie_outlives_the_longest_reload_and_goes_with_the_last() {
    let mut all = states();
    all.extend([0, 5, 3600, u64::MAX].map(|next_try| State::Failed { why: String::new(), tries: 1, next_try }));
    all.extend([0, 1, u64::MAX].map(|since| State::Starting { since, usual: Some(600), step: String::new() }));
    for state in all {
        let page = page("ckwc", ADDRESS, &state);
        let cookie = header(&page, "set-cookie").expect("a cookie");
        match state.reload_after() {
            Some(seconds) => {
                assert!((1..=u64::from(COOKIE_SECONDS) / 2).contains(&seconds), "{state:?}");
                assert_eq!(header(&page, "refresh"), Some(format!("{seconds}; url=./chart?from=a%2Fb&to=").as_str()));
                assert!(cookie.contains("=1; ") && cookie.contains(&format!("Max-Age={COOKIE_SECONDS};")), "{cookie}");
            }
            None => assert!(header(&page, "refresh").is_none() && cookie.contains("Max-Age=0;"), "{state:?} {cookie}"),
        }
        // What `__Host-` demands: <https://www.rfc-editor.org/rfc/rfc6265bis>.
        assert!(cookie.starts_with("__Host-") && cookie.contains("Path=/;") && cookie.contains("Secure;") && !cookie.contains("Domain"));
    }
}

#[test]
fn the_policy_allows_the_style_as_it_is_and_no_script() {
    let page = page("ckwc", ADDRESS, &State::Asleep);
    let style = page.body.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
    let policy = header(&page, "content-security-policy").expect("a policy");
    assert!(policy.contains(&format!("'sha256-{}'", STANDARD.encode(Sha256::digest(style)))), "{policy}");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("script") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("<script") && !page.body.contains("http"), "nothing is fetched");
}

#[test]
fn hostile_names_and_words_are_text() {
    let bad = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;\u{202e}\r\n</title></main>\0";
    let all = [
        State::Starting { since: 1, usual: Some(9), step: bad.into() },
        State::Failed { why: bad.into(), tries: 1, next_try: 9 },
        State::Busy { doing: bad.into() },
        State::Asleep,
        State::Queued { position: 1, of: 0 },
    ];
    for state in all {
        let page = page(bad, ADDRESS, &state);
        for part in ["<script", "<img", "\u{202e}", "\0", "\"><"] {
            assert!(!page.body.contains(part), "{part}: {}", page.body);
        }
        for once in ["</title>", "</main>", "<h1>", "<main>"] {
            assert_eq!(page.body.matches(once).count(), 1, "{once}: {}", page.body);
        }
        assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.body.contains("&amp;amp;"), "{}", page.body);
        assert!(page.headers.iter().all(|(_, value)| !value.contains("script") && !value.contains(['\r', '\n'])));
        let said = words(bad, &state);
        let body: Value = serde_json::from_str(&said.body).expect("JSON");
        assert_eq!(body["tenant"], bad);
    }
    let long = page("ckwc", ADDRESS, &State::Busy { doing: "x".repeat(1_000_000) });
    assert!(long.body.len() < 10_000);
}

#[test]
fn progress_is_never_full_before_it_is_there() {
    for since in [0, 44, 45, 46, 10_000] {
        let state = State::Starting { since, usual: Some(45), step: String::new() };
        let (value, max) = state.progress().flatten().expect("a measure");
        assert!(value < max, "{since}");
    }
    assert_eq!(State::Starting { since: 3, usual: Some(0), step: String::new() }.progress(), Some(None));
    assert_eq!(State::Starting { since: u64::MAX, usual: Some(1), step: String::new() }.progress(), Some(Some((95, 100))));
}

#[test]
fn spans_of_time_as_people_say_them() {
    let said = [0, 1, 2, 89, 90, 600, 5399, 5400, 7200].map(for_people);
    assert_eq!(
        said,
        ["a moment", "1 second", "2 seconds", "89 seconds", "2 minutes", "10 minutes", "90 minutes", "2 hours", "2 hours"]
            .map(String::from)
    );
}

#[test]
fn a_reload_leads_to_the_same_address_and_nowhere_else() {
    let cases = [
        ("/", "./"),
        ("/openmrs/spa/", "./"),
        ("/openmrs/login.htm", "./login.htm"),
        ("/openmrs/spa/?a=/b/c", "./?a=/b/c"),
        ("//elsewhere.example/x", "./x"),
        ("/https:elsewhere.example", "./https:elsewhere.example"),
        ("/\"'x;url=y,z", "./\"'x;url=y,z"),
        ("*", "./*"),
    ];
    for (address, relative) in cases {
        assert_eq!(again(5, address), format!("5; url={relative}"), "{address}");
    }
    for odd in ["/a b", "/caf\u{e9}", "/x\r\nset-cookie: a=b", "/a#b"] {
        assert_eq!(again(5, odd), "5", "{odd:?}");
    }
}
