//! The text of the configuration and its map: a pure function of the wish and the host's facts, and the way back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Config, Route, State, pages};
use crate::model::watcher;
use crate::planes::facts::Proxy;
use crate::planes::haproxy::activity::{KEPT, TABLE};
use crate::planes::haproxy::files::{At, FIRST, stamped, with_marks};
use crate::planes::haproxy::slot;

const TITLE: &str = "# Written by reeve. What is changed here by hand is drift: the next plan shows it, the next apply takes it back.\n";
const WISH: &str = "# wish ";
const ROUTE: &str = "# route ";

/// Paths that decide the same: tenants of one distribution share them, so that ten thousand tenants are a few sets.
type Paths<'a> = (&'a BTreeSet<String>, &'a BTreeSet<String>);

/// The files of that wish on that host, with these marks.
#[must_use]
pub fn render(config: &Config, tags: &BTreeMap<String, String>, place: &Proxy) -> At {
    let sets: Vec<Paths> = config.routes.values().map(paths).collect::<BTreeSet<_>>().into_iter().collect();
    let mut map = String::new();
    for (host, route) in &config.routes {
        let set = sets.binary_search(&paths(route)).unwrap_or_default();
        let name = if route.state == State::Active { slot::PREFIX } else { "s_" };
        let _ = writeln!(map, "{host} {name}{}:{set}", route.tenant);
    }
    let mut text = String::from(TITLE);
    text.push_str(&wish_in_comments(config));
    text.push_str(&global(place));
    text.push_str(&frontend(config, place, &sets));
    text.push_str(&asleep(place, &sets));
    text.push_str(&used());
    let asleep = format!("  server none {} no-check backup maxconn 0\n", asleep_socket(place));
    // One check for all: what ten thousand backends have of it only follows.
    let (waker, wake) = place.waker.or(config.waker).map_or_else(Default::default, |waker| {
        let backend =
            format!("backend waker\n  server wk {waker} inter 1s fastinter 200ms downinter 500ms fall 1 rise 1 check maxconn 0\n");
        (backend, format!("  server wk {waker} no-check track waker/wk backup maxconn 0\n"))
    });
    text.push_str(&waker);
    let tenants: BTreeSet<&str> =
        config.routes.values().filter(|route| route.state == State::Active).map(|route| route.tenant.as_str()).collect();
    for tenant in tenants {
        let _ = write!(text, "{}\n{}\n{wake}{asleep}", slot::backend(tenant), slot::server(None));
    }
    At { text: stamped(&with_marks(&text, tags), &map), map, certificate: true }
}

/// When each tenant was last used, which the waker reads: an entry is as old as it has left to live less than that. What was asked lately is only there so that the
/// same asked again, as an open tab does all day, is no use.
fn used() -> String {
    format!(
        "backend {TABLE}\n  stick-table type string len 64 size 100k expire {}s store gpc0\n\
         backend asked\n  stick-table type integer size 200k expire 10m store http_req_cnt\n",
        KEPT.as_secs()
    )
}

/// What is there when nothing is to be served any more: every answer is 503, so that the load balancer sends nobody here.
#[must_use]
pub fn first(place: &Proxy) -> (String, String) {
    let (listen, certificate) = (&place.listen, place.folder.join("host.pem"));
    let text = format!(
        "{FIRST} again.\n{}frontend first\n  bind {listen} ssl crt {}\n  http-request return status 503 hdr Retry-After 10 hdr Cache-Control no-store\n",
        global(place),
        certificate.display()
    );
    (stamped(&text, ""), String::new())
}

fn paths(route: &Route) -> Paths<'_> {
    (&route.api_paths, &route.blocked_paths)
}

/// The wish that a text carries; `None` when it carries none.
#[must_use]
pub fn wish(text: &str) -> Option<Config> {
    let mut config: Config = serde_json::from_str(text.lines().find_map(|line| line.strip_prefix(WISH))?).ok()?;
    for line in text.lines().filter_map(|line| line.strip_prefix(ROUTE)) {
        let (host, route) = line.split_once(' ')?;
        config.routes.insert(host.to_owned(), serde_json::from_str(route).ok()?);
    }
    Some(config)
}

/// One line for all but the routes, and one for each of them: so that a difference of texts is one of lines.
fn wish_in_comments(config: &Config) -> String {
    let rest = Config { routes: BTreeMap::new(), edited: String::new(), running: true, following: true, ..config.clone() };
    let mut text = format!("{WISH}{}\n", serde_json::to_string(&rest).unwrap_or_default());
    for (host, route) in &config.routes {
        let _ = writeln!(text, "{ROUTE}{host} {}", serde_json::to_string(route).unwrap_or_default());
    }
    text
}

/// The socket between HAProxy and itself where the page is answered. A file and not an abstract one: those cannot be paused, and a reload that fails to bind
/// something else would then end the worker that serves.
fn asleep_socket(place: &Proxy) -> String {
    format!("unix@{}", place.folder.join("asleep.sock").display())
}

fn global(place: &Proxy) -> String {
    let user = place.user.as_ref().map(|user| format!("  user {user}\n  group {user}\n")).unwrap_or_default();
    let socket = place.folder.join("admin.sock");
    let errors: String = pages::errors().iter().map(|error| format!("  {error}\n")).collect();
    format!(
        r#"global
  description -
{user}  log stdout format raw local0 info
  # Each takes two file descriptors; besides, each tenant takes one for its health check.
  maxconn 4000
  # A worker that was replaced waits so long for its last connections.
  hard-stop-after 5m
  stats socket {socket} mode 600 level admin expose-fd listeners
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  log global
  # Paths without what follows the question mark, which may name patients.
  log-format "%[var(txn.from)] %[var(txn.host)] %HM %HP %HV %ST %B %TR/%Tw/%Tc/%Tr/%Ta %ts %b/%s"
  option dontlognull
  # Each request has a connection of its own to its tenant: none is sent down one that a stopping Tomcat is about to close.
  option http-server-close
  # A reload answers what comes on an idle connection and closes it then: the load balancer repeats nothing.
  option idle-close-on-response
  # Whoever refuses is asked once more and then not at all. What only reads is also sent again when its container ends before it answers.
  option redispatch 1
  retries 2
  retry-on conn-failure empty-response
  # Longer than the load balancer's 60 s, so that it is never the one who finds a connection closed.
  timeout client 75s
  timeout http-keep-alive 75s
  timeout http-request 30s
  timeout connect 2s
  timeout queue 10s
  timeout server 75s
  timeout tunnel 1h
  timeout check 2s
  default-server inter 5s fastinter 1s downinter 1s fall 2 rise 1 check observe layer4 error-limit 1 on-error mark-down maxconn 256
{errors}"#,
        socket = socket.display(),
    )
}

/// What is known of a request before anything is decided: its host, its path as Tomcat will read it, its tenant.
fn known(map: &str, sets: &[Paths]) -> String {
    let mut text = format!(
        r#"  http-request set-var(txn.host) req.hdr(host),lower,field(1,:),rtrim(.)
  http-request set-var(txn.path) 'path,url_dec,regsub(";[^/]*","",g),regsub("//+","/",g),regsub("(/[.])+(/|$)","/",g)'
  http-request set-var(txn.route) var(txn.host),map_str({map})
  http-request set-var(txn.be) var(txn.route),field(1,:)
  http-request set-var(txn.set) var(txn.route),field(2,:)
  http-request set-var(txn.name) 'var(txn.be),regsub("^[ts]_","")'
  acl is_page method GET HEAD
  acl wants_page req.hdr(accept) -m sub text/html
  acl for_programs var(txn.programs) -m bool
"#
    );
    for (number, (api, _)) in sets.iter().enumerate().filter(|(_, (api, _))| !api.is_empty()) {
        let paths: Vec<&str> = api.iter().map(String::as_str).collect();
        let _ = writeln!(
            text,
            "  http-request set-var(txn.programs) bool(true) if {{ var(txn.set) -m str {number} }} {{ var(txn.path) -m beg {} }}",
            paths.join(" ")
        );
    }
    text
}

/// The rules of an answer with two forms: people get the page, programs the words.
fn answer((page, words): (String, String), when: &str) -> String {
    format!(
        "  http-request return {page} if {when} is_page wants_page !for_programs\n  http-request return {words} if {when}\n",
        when = when.trim()
    )
}

fn frontend(config: &Config, place: &Proxy, sets: &[Paths]) -> String {
    let map = place.folder.join("hosts.map").display().to_string();
    let mut text = format!("frontend tenants\n  bind {} ssl crt {} alpn http/1.1\n", place.listen, place.folder.join("host.pem").display());
    if let Some(plain) = &place.plain {
        let _ = writeln!(text, "  bind {plain}");
    }
    text.push_str(
        r#"  # The load balancer's own question, about this HAProxy and no tenant.
  http-request set-log-level silent if { path /.reeve/healthz }
  http-request return status 200 content-type text/plain string "ok\n" hdr Cache-Control no-store if { path /.reeve/healthz }
  # Who asks: the load balancer writes that last; what stands before it anybody may have written.
  http-request set-var(txn.from) src
  http-request set-var(txn.from) req.hdr(x-forwarded-for,-1) if { ssl_fc } { req.hdr(x-forwarded-for) -m found }
"#,
    );
    text.push_str(&known(&map, sets));
    text.push_str("  http-after-response set-header Strict-Transport-Security max-age=31536000 if { ssl_fc }\n");
    // A container that ended in the middle, or never answered: the tenant will be back, so it says what it says of one that is asleep.
    text.push_str("  http-after-response set-status 503 if { status 502 504 } { res.hdr(retry-after) -m found }\n");
    text.push_str("  acl is_known var(txn.route) -m found\n  acl is_suspended var(txn.be) -m beg s_\n");
    text.push_str("  http-request return status 400 content-type text/plain string \"bad path\\n\" hdr Cache-Control no-store if { var(txn.path) -m sub /../ } || { var(txn.path) -m end /.. }\n");
    text.push_str(&answer(pages::nobody(), "!is_known"));
    text.push_str(&answer(pages::suspended(), "is_suspended"));
    for (number, (_, blocked)) in sets.iter().enumerate().filter(|(_, (_, blocked))| !blocked.is_empty()) {
        let paths: Vec<&str> = blocked.iter().map(String::as_str).collect();
        let _ = writeln!(
            text,
            "  http-request return {} if {{ var(txn.set) -m str {number} }} {{ var(txn.path) -m beg {} }}",
            pages::blocked(),
            paths.join(" ")
        );
    }
    let bytes = u64::from(config.max_body_mib) << 20;
    let _ =
        writeln!(text, "  http-request return {} if {{ req.hdr_val(content-length) gt {bytes} }}", pages::too_large(config.max_body_mib));
    let (telephone, watchers) = (watcher::TELEPHONE, watcher::pattern());
    let _ = write!(
        text,
        r#"  # What the application is told of the way here comes from here alone.
  http-request set-header X-Forwarded-For %[var(txn.from)]
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http unless {{ ssl_fc }}
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request del-header Forwarded
  http-request del-header X-Real-IP
  http-request del-header X-Forwarded-Prefix
  http-request del-header Proxy
  # Nothing else is sent twice: a clinical request must not be.
  http-request disable-l7-retry unless is_page
  # Use is what somebody does. To read once more what one has just read is none, which is all that an open tab does by itself; nor is who only looks whether it runs, or asks what it may ask.
  http-request track-sc0 var(txn.from),concat(|,txn.name,|),concat(,txn.path),xxh32 table asked if {{ method GET }}
  acl is_read_again sc_http_req_cnt(0) gt 1
  acl is_upgrade req.hdr(upgrade) -m found
  acl only_looks 'req.fhdr(user-agent),regsub("{telephone}","",ig)' -m reg -i '{watchers}'
  acl only_looks method HEAD OPTIONS TRACE
  http-request track-sc1 var(txn.be) table {TABLE} if !only_looks !is_page or !only_looks is_upgrade or !only_looks !is_read_again
  use_backend %[var(txn.be)]
"#,
    );
    text
}

/// Answers for tenants that do not run: every backend's last resort, unless there is a waker.
fn asleep(place: &Proxy, sets: &[Paths]) -> String {
    let map = place.folder.join("hosts.map").display().to_string();
    // The page is no secret, and in its container the master has no right to give a file to its workers' user.
    let mode = if place.user.is_some() { "666" } else { "600" };
    let mut text = format!("frontend asleep\n  bind {} mode {mode}\n  http-request set-log-level silent\n", asleep_socket(place));
    text.push_str(&known(&map, sets));
    let (page, words) = pages::asleep();
    let _ = writeln!(text, "  http-request return {page} if is_page wants_page !for_programs\n  http-request return {words}");
    text
}
