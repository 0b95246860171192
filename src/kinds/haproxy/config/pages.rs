//! What HAProxy itself answers where no tenant does. Pure.
//!
//! Every answer that will be another soon says so (`Retry-After`) and that no cache may keep it. Never 401 or 403: the front end of OpenMRS then logs its user out.

/// So many seconds until a page, or a program, tries again.
pub const RETRY: u32 = 10;
const NO_STORE: &str = "hdr Cache-Control no-store";
/// The tenant's name, as the rules before have found it: from the map, never from the request.
const NAME: &str = "%[var(txn.name)]";

/// An answer for people, in the form of a rule's arguments.
fn page(status: u16, title: &str, text: &str, again: bool) -> String {
    let refresh = if again { format!("<meta http-equiv=\"refresh\" content=\"{RETRY}\">") } else { String::new() };
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">{refresh}<title>{title}</title>\
         <body style=\"font-family:sans-serif;max-width:32em;margin:15vh auto;padding:0 1em\"><h1>{title}</h1><p>{text}</p></body></html>"
    );
    let html = html.replace("width=device-width", "width=device-width, initial-scale=1");
    format!("status {status} content-type 'text/html; charset=utf-8' lf-string '{html}'{}", headers(again))
}

/// An answer for programs.
fn words(status: u16, error: &str, again: bool) -> String {
    format!("status {status} content-type application/json lf-string '{{\"error\":\"{error}\"}}'{}", headers(again))
}

fn headers(again: bool) -> String {
    if again { format!(" hdr Retry-After {RETRY} {NO_STORE}") } else { format!(" {NO_STORE}") }
}

/// The tenant does not run, or not here yet: to a person, and to a program.
#[must_use]
pub fn asleep() -> (String, String) {
    let title = format!("{NAME} is asleep or being moved");
    (
        page(503, &title, "It will be back. This page tries again by itself.", true),
        words(503, &format!("{NAME} is asleep or being moved, it will be back"), true),
    )
}

/// The tenant is suspended.
#[must_use]
pub fn suspended() -> (String, String) {
    let title = format!("{NAME} is suspended");
    let text = "Its data is kept. Whoever runs this service can say why, and can bring it back.";
    (page(503, &title, text, false), words(503, &format!("{NAME} is suspended"), false))
}

/// No tenant has that name.
#[must_use]
pub fn nobody() -> (String, String) {
    let text = "Nothing is served under this name. Is the address right?";
    (page(404, "There is nothing here", text, false), words(404, "nothing is served under this name", false))
}

/// Nobody may open that path.
#[must_use]
pub fn blocked() -> String {
    words(404, "not found", false)
}

/// The request is too large.
#[must_use]
pub fn too_large(mib: u32) -> String {
    words(413, &format!("a request may have {mib} MiB at most"), false)
}

/// HAProxy's own errors, of which nobody asked: `http-error` directives.
#[must_use]
pub fn errors() -> Vec<String> {
    let text = "It will be back. This page tries again by itself.";
    [502, 503, 504].map(|status| format!("http-error {}", page(status, "One moment, please", text, true))).to_vec()
}
