//! The text that an uploader is shown when an upload is stopped.

use crate::handover::Channel;

/// Where the channels go in a text.
const CHANNELS: &str = "{channels}";

/// A language that there is a text in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// English.
    English,
    /// Urdu.
    Urdu,
}

impl Language {
    /// The text, in which `{channels}` stands where the channels go.
    #[must_use]
    pub const fn template(self) -> &'static str {
        match self {
            Self::English => include_str!("uploader.en.txt"),
            Self::Urdu => include_str!("uploader.ur.txt"),
        }
    }
}

/// A text with the channels in it, one a line; those without a verified address are left out.
#[must_use]
pub fn uploader_text(template: &str, channels: &[Channel]) -> String {
    let with_address = channels.iter().filter(|one| !one.web.is_empty());
    let lines: String = with_address
        .map(|one| format!("- {}: {}\n", one.name, one.web))
        .collect();
    template
        .replace(&format!("{CHANNELS}\n"), &lines)
        .replace(CHANNELS, &lines)
}
