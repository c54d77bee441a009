//! The icon set: 16 px line drawings that take the colour of the text beside them.

use leptos::prelude::*;

/// Which drawing. Icons are decoration: the words stand beside them or in the label of their button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    ArrowDown,
    Bars,
    Bell,
    Box,
    Branch,
    Brush,
    Card,
    Check,
    ChevronDown,
    ChevronRight,
    ChevronUp,
    ChevronsUpDown,
    Clock,
    Cloud,
    Copy,
    Cross,
    Dots,
    Download,
    Expand,
    External,
    Eye,
    Gear,
    Globe,
    Home,
    Info,
    Key,
    Lock,
    Logout,
    Menu,
    Moon,
    Play,
    Plus,
    Pulse,
    Restart,
    Rocket,
    Search,
    Server,
    Shield,
    Stop,
    Sun,
    Terminal,
    Tree,
    User,
    Users,
    Warning,
}

impl Glyph {
    /// The inside of the SVG.
    pub const fn drawing(self) -> &'static str {
        match self {
            Self::ArrowDown => r#"<path d="M8 2.5v9M4.5 8.5L8 12l3.5-3.5"/>"#,
            Self::Bars => r#"<path d="M3 13V8M8 13V3M13 13V6"/>"#,
            Self::Bell => r#"<path d="M4 7a4 4 0 018 0c0 3.5 1.5 4.5 1.5 4.5h-11S4 10.5 4 7M6.8 13.8h2.4"/>"#,
            Self::Box => r#"<path d="M2 5l6-3 6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6"/>"#,
            Self::Branch => {
                r#"<circle cx="4.5" cy="3.5" r="1.5"/><circle cx="4.5" cy="12.5" r="1.5"/><circle cx="11.5" cy="5" r="1.5"/><path d="M4.5 5v6M11.5 6.5c0 3-7 1.5-7 4"/>"#
            }
            Self::Brush => r#"<path d="M9.5 2.5l4 4-6 6H4l-.5-3.5z"/>"#,
            Self::Card => r#"<rect x="1.8" y="3.5" width="12.4" height="9" rx="1.3"/><path d="M2 6.5h12"/>"#,
            Self::Check => r#"<path d="M3.5 8.5l3 3 6-7"/>"#,
            Self::ChevronDown => r#"<path d="M4 6l4 4 4-4"/>"#,
            Self::ChevronRight => r#"<path d="M6 4l4 4-4 4"/>"#,
            Self::ChevronUp => r#"<path d="M4 10l4-4 4 4"/>"#,
            Self::ChevronsUpDown => r#"<path d="M5 6.5L8 3.5l3 3M5 9.5l3 3 3-3"/>"#,
            Self::Clock => r#"<circle cx="8" cy="8" r="6"/><path d="M8 4.8V8l2.2 1.6"/>"#,
            Self::Cloud => r#"<path d="M4.5 12.5a3 3 0 01-.3-6 4 4 0 017.6.6 2.7 2.7 0 01-.3 5.4z"/>"#,
            Self::Copy => {
                r#"<rect x="5.5" y="5.5" width="8" height="8" rx="1.3"/><path d="M3 10.5V3.8A1.3 1.3 0 014.3 2.5H10"/>"#
            }
            Self::Cross => r#"<path d="M4 4l8 8M12 4l-8 8"/>"#,
            Self::Dots => r#"<path d="M3.5 8h.01M8 8h.01M12.5 8h.01"/>"#,
            Self::Download => r#"<path d="M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10"/>"#,
            Self::Expand => r#"<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"/>"#,
            Self::External => r#"<path d="M9.5 2.5h4v4M13.5 2.5L7.5 8.5M11.5 9.5v4h-9v-9h4"/>"#,
            Self::Eye => {
                r#"<path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="1.8"/>"#
            }
            Self::Gear => {
                r#"<circle cx="8" cy="8" r="2.2"/><path d="M8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6L5 5M11 11l1.4 1.4M12.4 3.6L11 5M5 11l-1.4 1.4"/>"#
            }
            Self::Globe => {
                r#"<circle cx="8" cy="8" r="6"/><path d="M2 8h12M8 2c2.5 3 2.5 9 0 12M8 2c-2.5 3-2.5 9 0 12"/>"#
            }
            Self::Home => r#"<path d="M2 7l6-5 6 5v7H2z"/>"#,
            Self::Info => r#"<circle cx="8" cy="8" r="6"/><path d="M8 7.5v3.2M8 5.2h.01"/>"#,
            Self::Key => r#"<circle cx="5.2" cy="10.8" r="2.7"/><path d="M7.2 8.8L13.5 2.5M11 5l2 2"/>"#,
            Self::Lock => {
                r#"<rect x="3" y="7" width="10" height="6.5" rx="1.3"/><path d="M5.2 7V5a2.8 2.8 0 015.6 0v2"/>"#
            }
            Self::Logout => r#"<path d="M6.5 13.5h-4v-11h4M10 11l3-3-3-3M13 8H6"/>"#,
            Self::Menu => r#"<path d="M2.5 4h11M2.5 8h11M2.5 12h11"/>"#,
            Self::Moon => r#"<path d="M13.5 9.5A6 6 0 016.5 2.5a6 6 0 107 7z"/>"#,
            Self::Play => r#"<path d="M4.5 3l8 5-8 5z"/>"#,
            Self::Plus => r#"<path d="M8 3v10M3 8h10"/>"#,
            Self::Pulse => r#"<path d="M1.5 8.5h3l2-5 3 9 2-4h3"/>"#,
            Self::Restart => r#"<path d="M13 3v3.5H9.5M12.7 6.5A5.3 5.3 0 103 10.2"/>"#,
            Self::Rocket => {
                r#"<path d="M6 10l-2.5-.6C4.6 5 7.5 2.4 13.5 2.5c.1 6-2.5 8.9-6.9 10L6 10zM4 11.5l-1.5 2"/><circle cx="10" cy="6" r="1"/>"#
            }
            Self::Search => r#"<circle cx="7" cy="7" r="4.5"/><path d="M10.5 10.5L14 14"/>"#,
            Self::Server => {
                r#"<rect x="2" y="2.5" width="12" height="4.5" rx="1"/><rect x="2" y="9" width="12" height="4.5" rx="1"/><path d="M4.5 4.8h.01M4.5 11.3h.01"/>"#
            }
            Self::Shield => r#"<path d="M8 1.8l5.3 2v4c0 3.2-2.2 5.3-5.3 6.4-3.1-1.1-5.3-3.2-5.3-6.4v-4z"/>"#,
            Self::Stop => r#"<rect x="3.5" y="3.5" width="9" height="9" rx="1"/>"#,
            Self::Sun => {
                r#"<circle cx="8" cy="8" r="3"/><path d="M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9"/>"#
            }
            Self::Terminal => {
                r#"<rect x="1.8" y="2.8" width="12.4" height="10.4" rx="1.3"/><path d="M4.5 6l2 2-2 2M8.5 10.2h3"/>"#
            }
            Self::Tree => {
                r#"<rect x="5.5" y="1.8" width="5" height="3.4" rx=".8"/><rect x="1.5" y="10.8" width="5" height="3.4" rx=".8"/><rect x="9.5" y="10.8" width="5" height="3.4" rx=".8"/><path d="M8 5.2V8M4 10.8V8h8v2.8"/>"#
            }
            Self::User => {
                r#"<circle cx="8" cy="5.5" r="2.7"/><path d="M2.8 13.8c.5-3 2.6-4.3 5.2-4.3s4.7 1.3 5.2 4.3"/>"#
            }
            Self::Users => {
                r#"<circle cx="6" cy="5.5" r="2.5"/><path d="M1.5 13.5c.5-3 2.3-4 4.5-4s4 1 4.5 4M11 3.3a2.3 2.3 0 010 4.4M12.2 9.8c1.4.5 2.1 1.7 2.3 3.7"/>"#
            }
            Self::Warning => r#"<path d="M8 2.2l6.3 11.3H1.7zM8 6.5v3.2M8 11.6h.01"/>"#,
        }
    }
}

#[component]
pub fn Icon(glyph: Glyph) -> impl IntoView {
    view! { <svg class=style::icon::ROOT viewBox="0 0 16 16" aria-hidden="true" inner_html=glyph.drawing()></svg> }
}
