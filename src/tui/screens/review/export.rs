//! Popup that writes the applied decisions to a file, and records the file's digest in the activity log.

use crokey::KeyCombination;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::export::{ExportFormat, ReviewExport};
use crate::domain::id::Id;
use crate::domain::review::ReviewRecord;
use crate::tui::context::{Context, ReplyTo};
use crate::tui::form::{CHOICE_KEYS, TextField, choice_step};
use crate::tui::keymap::{Action, KeyContext, stack};
use crate::tui::msg::{ApiRequest, Delivery, ListRequest, Reply, RequestError};
use crate::tui::popup::{Popup, PopupAction, PopupFrame, PopupTone, content_width, draw_frame, draw_lines};
use crate::tui::text_layout::{format_count, key_hints, radio_button, wrap_paragraph};
use crate::tui::theme::StyleRole;
use crate::wire::page::LIMIT_MAX;
use crate::wire::reviews::{RecordExport, ReviewsQuery};

#[derive(Debug)]
pub struct ExportPopup {
    review: Id,
    /// Whether the decisions of every review are exported instead of only those of this review.
    all: bool,
    format: usize,
    path: TextField,
    records: Vec<ReviewRecord>,
    export: Option<ReviewExport>,
    message: Option<(String, StyleRole)>,
}

impl ExportPopup {
    /// Creates the popup and requests the decisions of `review`.
    pub fn new(context: &mut Context, review: Id) -> Self {
        let mut popup = Self {
            review,
            all: false,
            format: 0,
            path: TextField::default(),
            records: Vec::new(),
            export: None,
            message: None,
        };
        popup.request_decisions(context);
        popup
    }

    fn request_decisions(&mut self, context: &mut Context) {
        let review = (!self.all).then_some(self.review);
        let query = ReviewsQuery { limit: Some(LIMIT_MAX), review, ..ReviewsQuery::default() };
        context.request(ReplyTo::Popup, ApiRequest::List(ListRequest::Reviews(query)));
    }

    fn reload(&mut self, context: &mut Context) {
        context.cancel_requests(ReplyTo::Popup);
        (self.export, self.message) = (None, None);
        self.records.clear();
        self.request_decisions(context);
    }

    fn choose_format(&mut self, format: usize) {
        self.format = format % ExportFormat::ALL.len();
        if let Some(export) = &self.export {
            self.path = TextField::with_text(&export.file_name(ExportFormat::ALL[self.format]));
        }
    }

    fn write_file(&mut self, context: &mut Context) {
        let Some(export) = self.export.as_ref().filter(|export| !export.is_empty()) else { return };
        if context.start.restricted {
            let why = "Writing files is disabled by --restricted. `keyward review export` can print the decisions instead.";
            self.message = Some((why.to_owned(), StyleRole::Danger));
            return;
        }
        let path = self.path.text().trim().to_owned();
        if path.is_empty() {
            self.message = Some(("Type the path of the file to write.".to_owned(), StyleRole::Danger));
            return;
        }
        let text = export.render(ExportFormat::ALL[self.format]);
        context.deliver(ReplyTo::Popup, Delivery::TextToFile { path, text });
    }

    /// Builds the export once the last page of decisions has arrived.
    fn finish_loading(&mut self, context: &Context) {
        let Some(me) = &context.me else { return };
        let records = std::mem::take(&mut self.records);
        let export = ReviewExport::new(
            &me.organization.name,
            me.policy,
            records,
            context.server_now(),
            &me.member.email,
        );
        self.export = Some(export);
        self.choose_format(self.format);
    }
}

impl Popup for ExportPopup {
    fn key_contexts(&self) -> &'static [KeyContext] {
        stack::TEXT
    }

    fn run_action(&mut self, context: &mut Context, action: Action) -> PopupAction {
        match action {
            Action::Submit => self.write_file(context),
            Action::NextField => self.choose_format(self.format + 1),
            Action::PreviousField => self.choose_format(self.format + ExportFormat::ALL.len() - 1),
            Action::Cancel => return PopupAction::Close,
            _ => {}
        }
        PopupAction::Stay
    }

    fn handle_key(&mut self, context: &mut Context, key: KeyCombination) -> PopupAction {
        if choice_step(key).is_some() {
            self.all = !self.all;
            self.reload(context);
        } else {
            self.path.handle_key(key);
        }
        PopupAction::Stay
    }

    fn paste(&mut self, _: &mut Context, text: &str) {
        self.path.paste(text);
    }

    fn apply_reply(&mut self, context: &mut Context, result: Result<Reply, RequestError>) -> PopupAction {
        match result {
            Ok(Reply::Reviews(page)) => {
                self.records.extend(page.data);
                if page.metadata.next_cursor.is_none() {
                    self.finish_loading(context);
                }
            }
            Ok(Reply::Done(message)) => {
                let Some(export) = self.export.take() else { return PopupAction::Stay };
                // The file is written: record its digest in the log. The result is shown in the footer.
                let body = RecordExport {
                    review_id: (!self.all).then_some(self.review),
                    records: export.len() as u64,
                    sha256: export.sha256().to_owned(),
                };
                context.request(ReplyTo::Notice, ApiRequest::RecordExport(body));
                context.notices.info(context.now, format!("{} decisions {message}", export.len()));
                return PopupAction::Close;
            }
            Ok(_) => {}
            Err(failure) => {
                context.record_failure(&failure);
                self.message = Some((failure.to_string(), StyleRole::Danger));
            }
        }
        PopupAction::Stay
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) -> PopupFrame {
        let theme = context.theme();
        let columns = content_width(area, 70);
        let strong = theme.style(StyleRole::Strong);
        let what = if self.all { "all reviews" } else { "this review" };
        let count = match &self.export {
            Some(export) if export.is_empty() && self.all => "No decisions have been applied yet.".to_owned(),
            Some(export) if export.is_empty() => {
                "No decisions from this review have been applied yet.".to_owned()
            }
            Some(export) if export.len() == 1 => format!("1 decision from {what}."),
            Some(export) => format!("{} decisions from {what}.", format_count(export.len() as u64)),
            None => format!("Loading the decisions from {what}."),
        };
        let formats = ExportFormat::ALL
            .iter()
            .enumerate()
            .map(|(at, format)| radio_button(&format.to_string(), at == self.format, theme));
        let formats = std::iter::once(Span::styled("As    ", theme.style(StyleRole::Muted))).chain(formats);
        let mut body = vec![
            Line::styled(count, strong),
            formats.collect(),
            Line::styled("File", theme.style(StyleRole::Muted)),
            Line::default(),
        ];
        if let Some(export) = self.export.as_ref().filter(|export| !export.is_empty()) {
            let words = format!("SHA-256 digest {}, also recorded in the activity log.", export.sha256());
            body.extend(wrap_paragraph(&words, theme.style(StyleRole::Muted), usize::from(columns)));
        }
        if let Some((message, role)) = &self.message {
            body.extend(wrap_paragraph(message, theme.style(*role), usize::from(columns)));
        }
        body.push(Line::default());
        let (enter, tab, esc) = (
            context.key_press(Action::Submit),
            context.key_press(Action::NextField),
            context.key_press(Action::Cancel),
        );
        body.push(key_hints(
            &[(&enter, "write"), (&tab, "format"), (CHOICE_KEYS, "this or all reviews"), (&esc, "back")],
            theme,
        ));
        let height = u16::try_from(body.len()).unwrap_or(8);
        let inside = draw_frame("Export the review", PopupTone::Calm, (columns, height), area, theme, buf);
        draw_lines(&body, inside, theme, buf);
        let field =
            Rect { x: inside.x + 6, y: inside.y + 2, width: inside.width.saturating_sub(6), height: 1 };
        PopupFrame::from(self.path.draw(field, true, theme, buf))
    }
}
