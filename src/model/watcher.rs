//! Who only watches: health checkers and monitors, makers of previews, crawlers and scanners. What they ask wakes nobody (`edge/asked.rs`), and to HAProxy, which counts use, it is none
//! (`kinds/haproxy/config/text.rs`). One list for both, so that nobody is kept awake by whom nobody wakes for.
//!
//! Who it is stands in `User-Agent` alone. The crates that have longer lists (`isbot`, `voight_kampff`: not kept since 2021; `iscrawl`: kept) ask whether a *browser* speaks, and take `curl`, `okhttp` and
//! `Apache-HttpClient` for bots: those are our clinics' devices and FHIR clients.

/// Who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watcher {
    /// A load balancer or a monitor asks whether something answers.
    Checker,
    /// A messenger makes a preview of a link.
    Preview,
    /// A search engine, a scanner or the like.
    Crawler,
}

/// Parts of `User-Agent` in small letters, of those who ask whether something answers.
const CHECKERS: &[&str] = &[
    // `ELB-HealthChecker`: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
    "healthcheck",
    "amazon-route53-health-check-service",
    "cloudwatchsynthetics",
    "kube-probe",
    "googlehc",
    "googlestackdrivermonitoring",
    "uptimerobot",
    "pingdom",
    "statuscake",
    "zabbix",
    "prometheus",
    "blackbox exporter",
    "blackbox-exporter",
    "blackbox_exporter",
    "uptime-kuma",
    "better uptime",
    "better stack",
    "site24x7",
    "newrelicpinger",
    "newrelicsynthetics",
    "datadog",
    "check_http",
    "monitoring-plugins",
    "nagios",
    "icinga",
    "gatus",
    "checkly",
    "hetrixtools",
    "nodeping",
    "updown.io",
    "freshping",
    "consul health check",
    "haproxy",
];

/// The same, of those who make previews of links.
const PREVIEWS: &[&str] = &[
    "facebookexternalhit",
    "facebookcatalog",
    "meta-externalfetcher",
    "slackbot",
    "slack-imgproxy",
    "twitterbot",
    "telegrambot",
    "discordbot",
    "linkedinbot",
    "whatsapp/",
    "skypeuripreview",
    "microsoftpreview",
    "bingpreview",
    "google-pagerenderer",
    "googlemessages",
    "pinterest/",
    "embedly",
    "iframely",
    "redditbot",
    "viber/",
    "snap url preview",
    "mattermost-bot",
    "synapse (bot",
];

/// The same, of crawlers and scanners whose name does not say so (see [`ENDS`]).
const CRAWLERS: &[&str] = &[
    "mediapartners-google",
    "googleother",
    "google-inspectiontool",
    "google-read-aloud",
    "google-site-verification",
    "google-extended",
    "feedfetcher",
    "yahoo! slurp",
    "ia_archiver",
    "archive.org",
    "meta-externalagent",
    "perplexity-user",
    "censysinspect",
    "expanse",
    "internetmeasurement",
    "netcraft",
    "zgrab",
    "masscan",
    "nmap",
    "nuclei",
    "nikto",
    "wpscan",
    "sqlmap",
    "shodan",
    "leakix",
    "ssllabs",
];

/// With these end words of the names of crawlers that follow the custom.
const ENDS: &[&str] = &["bot", "bots", "crawler", "crawl", "spider"];

/// A Cubot is a telephone: taken out before anything is looked for.
pub const TELEPHONE: &str = "cubot";

/// Who that `User-Agent` says it is, when it is one of them.
#[must_use]
pub fn known(user_agent: &str) -> Option<Watcher> {
    let agent = user_agent.to_ascii_lowercase().replace(TELEPHONE, "");
    let is_of = |names: &[&str]| names.iter().any(|name| agent.contains(name));
    let mut words = agent.split(|sign: char| !sign.is_ascii_alphabetic());
    if is_of(CHECKERS) {
        Some(Watcher::Checker)
    } else if is_of(PREVIEWS) {
        Some(Watcher::Preview)
    } else if is_of(CRAWLERS) || words.any(|word| ENDS.iter().any(|end| word.ends_with(end))) {
        Some(Watcher::Crawler)
    } else {
        None
    }
}

/// The same as a regular expression, of those that POSIX and PCRE read alike. It wants to be matched without regard to case, and [`TELEPHONE`] to be taken out before.
#[must_use]
pub fn pattern() -> String {
    let names = CHECKERS.iter().chain(PREVIEWS).chain(CRAWLERS).map(|name| literal(name));
    let ends = format!("({})([^a-z]|$)", ENDS.join("|"));
    names.chain([ends]).collect::<Vec<_>>().join("|")
}

/// A name, so that no sign of it means anything but itself.
fn literal(name: &str) -> String {
    let sign = |sign: char| if r"\.[]{}()*+?^$|".contains(sign) { vec!['\\', sign] } else { vec![sign] };
    name.chars().flat_map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each, as they call themselves.
    const WATCH: &[(&str, Watcher)] = &[
        ("ELB-HealthChecker/2.0", Watcher::Checker),
        ("kube-probe/1.29", Watcher::Checker),
        ("Better Uptime Bot Mozilla/5.0 (Windows NT 10.0; Win64; x64)", Watcher::Checker),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Watcher::Preview),
        ("Synapse (bot; +https://github.com/matrix-org/synapse)", Watcher::Preview),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Watcher::Crawler),
        ("Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)", Watcher::Crawler),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT_P30) (compatible; bingbot/2.0)", Watcher::Crawler),
        ("ia_archiver", Watcher::Crawler),
        ("SomeSpider", Watcher::Crawler),
    ];

    const WORK: &[&str] = &[
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_P30) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36",
        "curl/8.5.0",
        "okhttp/4.12.0",
        "Bottle/0.13",
        "archiveXorg/1.0",
        "",
    ];

    #[test]
    fn watchers_are_told_from_people_and_programs() {
        for (agent, watcher) in WATCH {
            assert_eq!(known(agent), Some(*watcher), "{agent}");
        }
        for agent in WORK {
            assert_eq!(known(agent), None, "{agent}");
        }
    }

    #[test]
    fn the_pattern_says_the_same() {
        let pattern = regex::RegexBuilder::new(&pattern()).case_insensitive(true).build().expect("a regular expression");
        let telephone = regex::RegexBuilder::new(TELEPHONE).case_insensitive(true).build().expect("a regular expression");
        for agent in WATCH.iter().map(|(agent, _)| agent).chain(WORK) {
            assert_eq!(pattern.is_match(&telephone.replace_all(agent, "")), known(agent).is_some(), "{agent}");
        }
        let names = CHECKERS.iter().chain(PREVIEWS).chain(CRAWLERS);
        for name in names {
            assert!(pattern.is_match(name) && known(name).is_some() && *name == name.to_ascii_lowercase(), "{name}");
        }
    }
}
