//! Headers as real programs send them; browsers' without what tells nothing here (`Accept-Encoding`, `Sec-CH-UA`, ...).

use super::*;

const CHROME: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const FIREFOX: &str = "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0";
const SAFARI: &str =
    "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15";
/// Before fetch metadata; and any browser without TLS.
const OLD_SAFARI: &str = "User-Agent: Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1";
const CHROME_ACCEPT: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
const ACCEPT: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const NAVIGATE: &[&str] = &["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
const USER: &str = "Sec-Fetch-User: ?1";
const TYPED: &str = "Sec-Fetch-Site: none";
const SAME: &str = "Sec-Fetch-Site: same-origin";
const CROSS: &str = "Sec-Fetch-Site: cross-site";
const REFERER: &str = "Referer: https://ckwc.example.org/openmrs/login.htm";
const WAITING: &str = "Cookie: JSESSIONID=4F2A0C; __Host-reeve_waiting=1; theme=dark";
/// A script's fetch, as OpenMRS's front end sends them.
const FETCH: &[&str] = &["Accept: application/json", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", SAME];

const HOME: &str = "/openmrs/spa/home?x=1";
const REST: &str = "/openmrs/ws/rest/v1/session";
const FHIR: &str = "/openmrs/ws/fhir2/R4/Patient?name=a";

fn headers(parts: &[&[&str]]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in parts.concat() {
        let (name, value) = line.split_once(": ").expect("a header");
        map.append(axum::http::HeaderName::from_bytes(name.as_bytes()).expect("a name"), value.parse().expect("a value"));
    }
    map
}

fn ask(method: &str, path: &str, parts: &[&[&str]]) -> Asked {
    let api: BTreeSet<String> = ["/openmrs/ws/", "/openmrs/ms/", "/openmrs/moduleServlet/"].map(str::to_owned).into();
    asked(&method.parse().expect("a method"), path, &headers(parts), &api)
}

type Row<'a> = (&'a str, &'a str, &'a str, Vec<&'a [&'a str]>, Form, Wakes);

fn holds(rows: &[Row]) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(name, method, path, parts, form, wakes)| (name, ask(method, path, parts), Asked { form: *form, wakes: *wakes }))
        .filter(|(_, is, should)| is != should)
        .map(|(name, is, should)| format!("{name}: {is:?}, should be {should:?}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

use Form::{Page, Words};
use Wakes::{No, Yes};

#[test]
fn a_person_who_goes_somewhere_gets_a_page_and_wakes() {
    holds(&[
        ("Chromium, typed", "GET", HOME, vec![&[CHROME, CHROME_ACCEPT, USER, TYPED], NAVIGATE], Page, Yes),
        ("Chromium, a link elsewhere", "GET", HOME, vec![&[CHROME, CHROME_ACCEPT, USER, CROSS], NAVIGATE], Page, Yes),
        ("Chromium, opened again at its start", "GET", HOME, vec![&[CHROME, CHROME_ACCEPT, TYPED], NAVIGATE], Page, Yes),
        ("Firefox, typed", "GET", "/", vec![&[FIREFOX, ACCEPT, USER, TYPED], NAVIGATE], Page, Yes),
        ("Safari, a bookmark", "GET", "/openmrs/login.htm", vec![&[SAFARI, ACCEPT, TYPED], NAVIGATE], Page, Yes),
        ("Safari, a link of its own", "GET", "/openmrs/login.htm", vec![&[SAFARI, ACCEPT, SAME], NAVIGATE], Page, Yes),
        ("Safari before fetch metadata", "GET", HOME, vec![&[OLD_SAFARI, ACCEPT]], Page, Yes),
        ("a frame", "GET", HOME, vec![&[FIREFOX, ACCEPT, CROSS, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"]], Page, Yes),
        (
            "through a service worker, which loses who began it",
            "GET",
            HOME,
            vec![&[CHROME, CHROME_ACCEPT, SAME, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: empty"]],
            Page,
            Yes,
        ),
        (
            "a telephone called Cubot",
            "GET",
            "/",
            vec![&[
                "User-Agent: Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/74.0.3729.157 Mobile Safari/537.36",
                ACCEPT,
            ]],
            Page,
            Yes,
        ),
        ("a form that is sent", "POST", HOME, vec![&[CHROME, CHROME_ACCEPT, USER, SAME], NAVIGATE], Words, Yes),
        ("a person who opens an address for programs", "GET", REST, vec![&[CHROME, CHROME_ACCEPT, USER, TYPED], NAVIGATE], Words, Yes),
        ("a picture that is opened as a page", "GET", HOME, vec![&[CHROME, "Accept: image/avif", USER, TYPED], NAVIGATE], Words, Yes),
    ]);
}

#[test]
fn our_own_page_wakes_nobody_when_it_reloads_itself_and_everybody_who_clicks_does() {
    holds(&[
        ("Chromium's reload", "GET", HOME, vec![&[CHROME, CHROME_ACCEPT, SAME, WAITING], NAVIGATE], Page, No(Why::Reload)),
        ("Firefox's", "GET", HOME, vec![&[FIREFOX, ACCEPT, SAME, WAITING], NAVIGATE], Page, No(Why::Reload)),
        ("Safari's", "GET", HOME, vec![&[SAFARI, ACCEPT, SAME, WAITING], NAVIGATE], Page, No(Why::Reload)),
        (
            "the page came from a link elsewhere",
            "GET",
            HOME,
            vec![&[CHROME, CHROME_ACCEPT, CROSS, WAITING], NAVIGATE],
            Page,
            No(Why::Reload),
        ),
        ("on an address for programs", "GET", REST, vec![&[CHROME, CHROME_ACCEPT, SAME, WAITING], NAVIGATE], Words, No(Why::Reload)),
        ("Chromium, a click on it", "GET", HOME, vec![&[CHROME, CHROME_ACCEPT, SAME, USER, WAITING], NAVIGATE], Page, Yes),
        ("Safari, typed again", "GET", HOME, vec![&[SAFARI, ACCEPT, TYPED, WAITING], NAVIGATE], Page, Yes),
        ("Safari, a click on the page that took the cookie away", "GET", HOME, vec![&[SAFARI, ACCEPT, SAME], NAVIGATE], Page, Yes),
        ("Safari, a link on the tenant's page", "GET", HOME, vec![&[SAFARI, ACCEPT, SAME, WAITING, REFERER], NAVIGATE], Page, Yes),
        (
            "the same through a service worker",
            "GET",
            HOME,
            vec![&[CHROME, CHROME_ACCEPT, SAME, WAITING, REFERER, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: empty"]],
            Page,
            Yes,
        ),
        (
            "the page's reload through a service worker",
            "GET",
            HOME,
            vec![&[CHROME, CHROME_ACCEPT, SAME, WAITING, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: empty"]],
            Page,
            No(Why::Reload),
        ),
        ("a form", "POST", HOME, vec![&[SAFARI, ACCEPT, SAME, WAITING], NAVIGATE], Words, Yes),
        (
            "another cookie",
            "GET",
            HOME,
            vec![&[SAFARI, ACCEPT, SAME, "Cookie: x__Host-reeve_waiting=1; a=__Host-reeve_waiting"], NAVIGATE],
            Page,
            Yes,
        ),
        ("two lines of cookies", "GET", HOME, vec![&[SAFARI, ACCEPT, SAME, "Cookie: a=b", WAITING], NAVIGATE], Page, No(Why::Reload)),
    ]);
}

#[test]
fn a_tab_that_stayed_open_wakes_nobody_until_it_sends_something() {
    holds(&[
        ("OpenMRS asks whether the session lives", "GET", REST, vec![&[CHROME], FETCH], Words, No(Why::Background)),
        ("the same in Firefox", "GET", REST, vec![&[FIREFOX], FETCH], Words, No(Why::Background)),
        ("the same in Safari", "GET", REST, vec![&[SAFARI], FETCH], Words, No(Why::Background)),
        ("the same before fetch metadata", "GET", REST, vec![&[OLD_SAFARI, "Accept: application/json"]], Words, No(Why::Background)),
        (
            "an app on another site",
            "GET",
            FHIR,
            vec![&[CHROME, "Accept: application/fhir+json", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", CROSS]],
            Words,
            No(Why::Background),
        ),
        (
            "a script that asks for HTML",
            "GET",
            HOME,
            vec![&[CHROME, "Accept: text/html", "Sec-Fetch-Mode: same-origin", "Sec-Fetch-Dest: empty", SAME]],
            Words,
            No(Why::Background),
        ),
        (
            "a picture",
            "GET",
            "/openmrs/images/logo.png",
            vec![&[CHROME, "Accept: image/*", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image", SAME]],
            Words,
            No(Why::Background),
        ),
        (
            "a socket",
            "GET",
            "/openmrs/ws",
            vec![&[CHROME, "Upgrade: websocket", "Connection: Upgrade", "Origin: https://ckwc.example.org"]],
            Words,
            No(Why::Background),
        ),
        (
            "Firefox's socket",
            "GET",
            "/openmrs/ws",
            vec![&[FIREFOX, "Accept: */*", "Upgrade: websocket", "Sec-Fetch-Mode: websocket", "Sec-Fetch-Dest: empty"]],
            Words,
            No(Why::Background),
        ),
        (
            "what it asks beforehand",
            "OPTIONS",
            REST,
            vec![&[CHROME, "Accept: */*", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Access-Control-Request-Method: POST"]],
            Words,
            No(Why::Enquiry),
        ),
        ("what was entered is saved", "POST", "/openmrs/ws/rest/v1/encounter", vec![&[CHROME], FETCH], Words, Yes),
        ("changed", "PUT", FHIR, vec![&[FIREFOX], FETCH], Words, Yes),
        ("patched", "PATCH", FHIR, vec![&[FIREFOX], FETCH], Words, Yes),
        ("deleted", "DELETE", REST, vec![&[SAFARI], FETCH], Words, Yes),
    ]);
}

#[test]
fn programs_wake_with_all_but_enquiries() {
    const CURL: &[&str] = &["User-Agent: curl/7.88.1", "Accept: */*"];
    holds(&[
        ("curl", "GET", "/", vec![CURL], Words, Yes),
        ("curl on an address for programs", "GET", REST, vec![CURL], Words, Yes),
        ("curl that asks for HTML", "GET", "/", vec![&["User-Agent: curl/7.88.1", "Accept: text/html"]], Page, Yes),
        ("curl -I", "HEAD", "/", vec![CURL], Words, No(Why::Enquiry)),
        (
            "HAPI",
            "GET",
            FHIR,
            vec![&[
                "User-Agent: HAPI-FHIR/7.4.0 (FHIR Client; FHIR 4.0.1/R4; apache)",
                "Accept: application/fhir+json;q=1.0, application/json+fhir;q=0.9",
            ]],
            Words,
            Yes,
        ),
        ("Android", "GET", REST, vec![&["User-Agent: okhttp/4.12.0", "Accept: application/json"]], Words, Yes),
        ("Apache", "POST", FHIR, vec![&["User-Agent: Apache-HttpClient/4.5.14 (Java/17.0.8)"]], Words, Yes),
        ("an iPhone", "GET", REST, vec![&["User-Agent: ClinicApp/3 CFNetwork/1494.0.7 Darwin/23.4.0", "Accept: */*"]], Words, Yes),
        ("Python", "GET", REST, vec![&["User-Agent: python-requests/2.32.3", "Accept: */*"]], Words, Yes),
        ("Go", "GET", REST, vec![&["User-Agent: Go-http-client/1.1"]], Words, Yes),
        ("a device that says nothing of itself", "GET", REST, vec![], Words, Yes),
        ("a device's socket", "GET", "/openmrs/ws", vec![&["Upgrade: websocket", "Connection: Upgrade"]], Words, Yes),
        (
            "FHIR's description of a server",
            "GET",
            "/openmrs/ws/fhir2/R4/.well-known/smart-configuration",
            vec![&["User-Agent: okhttp/4.12.0"]],
            Words,
            Yes,
        ),
        ("an agent that is no text", "GET", "/", vec![&["User-Agent: caf\u{e9}"]], Words, Yes),
    ]);
}

#[test]
fn checkers_crawlers_and_previews_wake_nobody() {
    let agents = [
        ("ELB-HealthChecker/2.0", Why::Checker),
        ("Amazon-Route53-Health-Check-Service (ref 1a2b; report http://amzn.to/1vsZADi)", Why::Checker),
        ("kube-probe/1.33", Why::Checker),
        ("GoogleHC/1.0", Why::Checker),
        ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", Why::Checker),
        ("Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", Why::Checker),
        (
            "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/98.0.4758.102 Safari/537.36 (StatusCake)",
            Why::Checker,
        ),
        ("Zabbix 7.0.0", Why::Checker),
        ("Prometheus/2.53.1", Why::Checker),
        ("Blackbox Exporter/0.25.0", Why::Checker),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Why::Crawler),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
            Why::Crawler,
        ),
        ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", Why::Crawler),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", Why::Crawler),
        (
            "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
            Why::Crawler,
        ),
        ("Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)", Why::Crawler),
        ("Mozilla/5.0 zgrab/0.x", Why::Crawler),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", Why::Preview),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Why::Preview),
        ("WhatsApp/2.24.17.76 A", Why::Preview),
        ("TelegramBot (like TwitterBot)", Why::Preview),
        ("Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com", Why::Preview),
    ];
    for (agent, why) in agents {
        let agent = format!("User-Agent: {agent}");
        // Whatever they ask for, and also where they pretend to be a browser's window.
        for (method, path) in [("GET", "/"), ("HEAD", "/"), ("POST", REST), ("GET", "/robots.txt")] {
            let is = ask(method, path, &[&[&agent, ACCEPT, USER], NAVIGATE]);
            assert_eq!(is.wakes, No(why), "{agent} {method} {path}");
        }
    }
    assert_eq!(ask("GET", "/", &[&["User-Agent: ELB-HealthChecker/2.0"]]).form, Words);
}

#[test]
fn what_browsers_fetch_ahead_and_beside_wakes_nobody() {
    holds(&[
        (
            "Chromium fetches ahead",
            "GET",
            HOME,
            vec![&[CHROME, CHROME_ACCEPT, "Sec-Purpose: prefetch", SAME], NAVIGATE],
            Page,
            No(Why::Prefetch),
        ),
        (
            "Chromium renders ahead",
            "GET",
            HOME,
            vec![&[CHROME, CHROME_ACCEPT, "Sec-Purpose: prefetch;prerender", TYPED], NAVIGATE],
            Page,
            No(Why::Prefetch),
        ),
        ("earlier", "GET", HOME, vec![&[CHROME, CHROME_ACCEPT, "Purpose: prefetch", TYPED], NAVIGATE], Page, No(Why::Prefetch)),
        ("Firefox", "GET", HOME, vec![&[FIREFOX, ACCEPT, "X-Moz: prefetch", TYPED], NAVIGATE], Page, No(Why::Prefetch)),
        (
            "Safari's pictures of pages",
            "GET",
            HOME,
            vec![&[SAFARI, ACCEPT, "X-Purpose: preview", TYPED], NAVIGATE],
            Page,
            No(Why::Prefetch),
        ),
        (
            "the icon",
            "GET",
            "/favicon.ico",
            vec![&[CHROME, "Accept: image/*", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"]],
            Words,
            No(Why::Beside),
        ),
        ("the icon, of somebody who says nothing", "GET", "/openmrs/favicon.ico?v=2", vec![], Words, No(Why::Beside)),
        ("robots", "GET", "/robots.txt", vec![&["User-Agent: curl/7.88.1"]], Words, No(Why::Beside)),
        (
            "an iPhone's icon",
            "GET",
            "/apple-touch-icon-120x120-precomposed.png",
            vec![&["User-Agent: MobileSafari/8616 CFNetwork/1410 Darwin/22.6.0"]],
            Words,
            No(Why::Beside),
        ),
        ("Chromium's tools", "GET", "/.well-known/appspecific/com.chrome.devtools.json", vec![&["Accept: */*"]], Words, No(Why::Beside)),
        (
            "the service worker",
            "GET",
            "/openmrs/spa/service-worker.js",
            vec![&[CHROME, "Accept: */*", "Service-Worker: script", "Sec-Fetch-Mode: same-origin", "Sec-Fetch-Dest: serviceworker"]],
            Words,
            No(Why::Beside),
        ),
        (
            "the manifest",
            "GET",
            "/openmrs/spa/app.json",
            vec![&[CHROME, "Accept: */*", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: manifest"]],
            Words,
            No(Why::Beside),
        ),
        ("something that is sent there", "POST", "/openmrs/robots.txt", vec![], Words, Yes),
    ]);
}
