//! What the kit asks of the browser. On the server each of these does nothing, so components read the same on both sides.

#[cfg(feature = "hydrate")]
mod there {
    use leptos::prelude::{document, window};
    use leptos::web_sys;
    use wasm_bindgen::{JsCast, JsValue};

    /// Milliseconds since 1970, by the reader's clock.
    pub fn now_ms() -> Option<i64> {
        // Whole milliseconds far inside the exact range of a double.
        #[allow(clippy::cast_possible_truncation)]
        Some(js_sys::Date::now() as i64)
    }

    fn element<T: JsCast>(id: &str) -> Option<T> {
        document().get_element_by_id(id)?.dyn_into().ok()
    }

    pub fn open_dialog(id: &str) {
        if let Some(dialog) = element::<web_sys::HtmlDialogElement>(id)
            && !dialog.open()
        {
            // Fails only where the dialog has left the page in between: then there is nothing to open.
            let _ = dialog.show_modal();
        }
    }

    pub fn close_dialog(id: &str) {
        if let Some(dialog) = element::<web_sys::HtmlDialogElement>(id) {
            dialog.close();
        }
    }

    pub fn click(id: &str) {
        if let Some(element) = element::<web_sys::HtmlElement>(id) {
            element.click();
        }
    }

    pub fn focus(id: &str) {
        if let Some(element) = element::<web_sys::HtmlElement>(id) {
            let _ = element.focus();
        }
    }

    pub fn reveal(id: &str) {
        if let Some(element) = element::<web_sys::Element>(id) {
            let options = web_sys::ScrollIntoViewOptions::new();
            let _ = js_sys::Reflect::set(&options, &JsValue::from_str("block"), &JsValue::from_str("nearest"));
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }

    /// Menus and the sheet are popovers; a page change by the program does not close them by itself.
    pub fn close_popovers() {
        let Ok(open) = document().query_selector_all(":popover-open") else { return };
        for index in 0..open.length() {
            let Some(element) = open.item(index) else { continue };
            if let Ok(hide) = js_sys::Reflect::get(&element, &JsValue::from_str("hidePopover"))
                && let Ok(hide) = hide.dyn_into::<js_sys::Function>()
            {
                let _ = hide.call0(&element);
            }
        }
    }

    pub fn copy(text: &str) {
        // The promise fails without permission; the text stays selectable on the page.
        let _ = window().navigator().clipboard().write_text(text);
    }

    /// For a year, on every page of this host. Readable by scripts: it holds nothing but a taste.
    pub fn remember(name: &str, value: &str) {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
        let _ = js_sys::Reflect::set(&document(), &JsValue::from_str("cookie"), &JsValue::from_str(&cookie));
    }

    /// Sets or removes an attribute of `<html>`.
    pub fn mark_root(attribute: &str, value: Option<&str>) {
        let Some(root) = document().document_element() else { return };
        let _ = match value {
            Some(value) => root.set_attribute(attribute, value),
            None => root.remove_attribute(attribute),
        };
    }

    /// An attribute of `<html>`, as the server wrote it.
    pub fn root_mark(attribute: &str) -> Option<String> {
        document().document_element()?.get_attribute(attribute)
    }

    pub fn mark_body(attribute: &str) {
        if let Some(body) = document().body() {
            let _ = body.set_attribute(attribute, "");
        }
    }

    /// Whether the reader is typing: then letters are text, not shortcuts.
    pub fn is_typing() -> bool {
        let Some(active) = document().active_element() else { return false };
        matches!(active.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || active.has_attribute("contenteditable")
    }

    pub fn toggle_full_screen(id: &str) {
        if document().fullscreen_element().is_some() {
            document().exit_fullscreen();
        } else if let Some(element) = element::<web_sys::Element>(id) {
            let _ = element.request_fullscreen();
        }
    }
}

#[cfg(not(feature = "hydrate"))]
mod there {
    pub fn now_ms() -> Option<i64> {
        None
    }
    pub fn open_dialog(_id: &str) {}
    pub fn close_dialog(_id: &str) {}
    pub fn click(_id: &str) {}
    pub fn focus(_id: &str) {}
    pub fn reveal(_id: &str) {}
    pub fn close_popovers() {}
    pub fn copy(_text: &str) {}
    pub fn remember(_name: &str, _value: &str) {}
    pub fn mark_root(_attribute: &str, _value: Option<&str>) {}
    pub fn root_mark(_attribute: &str) -> Option<String> {
        None
    }
    pub fn mark_body(_attribute: &str) {}
    pub fn is_typing() -> bool {
        false
    }
    pub fn toggle_full_screen(_id: &str) {}
}

pub use there::*;
