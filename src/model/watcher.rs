//! Who asks only whether something is there: health checkers, monitors, crawlers, makers of previews. What they ask is no use, and wakes nobody.

/// What the `User-Agent` of such has in it, in lower case letters: no character of these means anything in a regular expression.
pub const WATCHERS: &[&str] = &[
    // Not `bot`: there are telephones of that name.
    "bot/",
    "slackbot",
    "telegrambot",
    "crawl",
    "spider",
    "slurp",
    "preview",
    "facebookexternalhit",
    "embedly",
    "uptime",
    "pingdom",
    "statuscake",
    "healthcheck",
    "kube-probe",
    "googlehc",
    "zabbix",
    "nagios",
    "check_http",
    "blackbox",
    "prometheus",
];

/// Whether that `User-Agent` is one of them.
#[must_use]
pub fn is_watcher(user_agent: &str) -> bool {
    let agent = user_agent.to_ascii_lowercase();
    WATCHERS.iter().any(|part| agent.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_are_told_from_people_and_programs() {
        for agent in
            ["ELB-HealthChecker/2.0", "kube-probe/1.29", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"]
        {
            assert!(is_watcher(agent), "{agent}");
        }
        let chromium = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        let phone = "Mozilla/5.0 (Linux; Android 9; CUBOT_P30) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36";
        for agent in [chromium, phone, "curl/8.5.0", "okhttp/4.12.0", ""] {
            assert!(!is_watcher(agent), "{agent}");
        }
        assert!(WATCHERS.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_/".contains(&byte))));
    }
}
