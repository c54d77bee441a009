//! HTML written down as it is, for lists of hundreds of elements: a view for each of them takes the server, and then
//! the browser again, longer than all the rest of the page.

/// What is ours comes as `&'static str`; whatever anybody typed comes as text and is escaped.
pub struct Markup(String);

impl Markup {
    /// With room for about so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    pub fn html(&mut self, ours: &'static str) -> &mut Self {
        self.0.push_str(ours);
        self
    }

    /// Between tags, or as an attribute's value in double quotes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let mut rest = text;
        while let Some((at, found)) = rest.char_indices().find(|(_, c)| matches!(c, '&' | '<' | '>' | '"' | '\'')) {
            self.0.push_str(&rest[..at]);
            self.0.push_str(match found {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                _ => "&#39;",
            });
            rest = &rest[at + 1..];
        }
        self.0.push_str(rest);
        self
    }

    /// For `inner_html`.
    pub fn into_html(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let mut markup = Markup::of(100);
        markup.html("<a title=\"").text("\"><script>'&amp;").html("\">").text("<b>ü</b>").html("</a>");
        assert_eq!(markup.into_html(), "<a title=\"&quot;&gt;&lt;script&gt;&#39;&amp;amp;\">&lt;b&gt;ü&lt;/b&gt;</a>");
    }
}
