//! What an answer says about its call, before the SDK reads it: whether it is whole, and how it refuses.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::planes::aws::retry;

/// An answer without its end. The SDK's XML readers take what there is for all there is, and a list that is cut short would
/// then be a shorter list, whose missing objects look deleted.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer breaks off before its end")
    }
}

impl StdError for Cut {}

/// Whether a body is not XML, or XML whose last tag closes its first. The other formats' readers notice a missing end themselves.
pub(super) fn is_whole(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    if !text.starts_with(b"<") {
        return true;
    }
    let name = |tag: &[u8]| tag.iter().take_while(|byte| !byte.is_ascii_whitespace() && !b"/>".contains(byte)).copied().collect::<Vec<_>>();
    // The first tag that is neither declaration nor comment.
    let root = text.split(|byte| *byte == b'<').skip(1).find(|tag| !tag.starts_with(b"?") && !tag.starts_with(b"!")).map(name);
    let end = text.split(|byte| *byte == b'<').next_back().unwrap_or_default();
    let closes = root.is_some() && (end.strip_prefix(b"/").map(name) == root || (end.ends_with(b"/>") && Some(name(end)) == root));
    text.ends_with(b">") && closes
}

/// An answer that is an error, as far as it concerns retries and counting; put on the response for the classifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's error code, when the body or a header has one.
    pub code: Option<String>,
    /// The body is a web page: no AWS service answered.
    pub is_page: bool,
    /// Its signature was too old, and so it was not carried out.
    pub is_expired: bool,
}

impl Refusal {
    pub(super) fn of(response: &HttpResponse) -> Option<Self> {
        let status = response.status().as_u16();
        if status < 400 {
            return None;
        }
        let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
        let header = |name| response.headers().get(name);
        let code = match header("x-amzn-errortype") {
            Some(code) => Some(code.to_owned()),
            None if body.starts_with('{') => serde_json::from_str::<serde_json::Value>(&body)
                .ok()
                .and_then(|json| Some(json.get("__type").or_else(|| json.get("code"))?.as_str()?.to_owned())),
            None if header("smithy-protocol").is_some() => {
                retry::THROTTLES.iter().find(|code| body.contains(**code)).map(|code| (*code).to_owned())
            }
            None => body.split_once("<Code>").and_then(|(_, rest)| Some(rest.split_once("</Code>")?.0.to_owned())),
        };
        // `com.amazonaws.acm#ThrottlingException:http://...`: the name is between the two signs.
        let code = code.map(|code| code.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned());
        let is_page = header("content-type").is_some_and(|kind| kind.starts_with("text/html")) && code.is_none();
        let is_expired = Self::says_expired(code.as_deref().unwrap_or_default(), &body);
        Some(Self { status, code, is_page, is_expired })
    }

    /// Whether a service says that a request was signed too long ago. A signature holds five minutes.
    pub fn says_expired(code: &str, message: &str) -> bool {
        code == "RequestExpired" || message.contains("Signature expired")
    }

    /// Whether the service refused because of too many calls, so that the call was not carried out.
    #[must_use]
    pub fn is_throttle(&self) -> bool {
        self.status == 429 || self.code.as_deref().is_some_and(|code| retry::THROTTLES.contains(&code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_xml_is_whole_when_its_root_is_closed() {
        for whole in ["", "{}", "<a/>", "<?xml version=\"1.0\"?>\n<a x=\"y\"><b/></a>\n", "<a b='c' />", "<!-- c --><a></a >"] {
            assert!(is_whole(whole.as_bytes()), "{whole}");
        }
        for cut in ["<", "<a", "<a>", "<a><b></b>", "<a><b>text", "<a><b/>", "<a></a", "<?xml version=\"1.0\"?>"] {
            assert!(!is_whole(cut.as_bytes()), "{cut}");
        }
    }
}
