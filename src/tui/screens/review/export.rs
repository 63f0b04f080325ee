//! The popup that writes the applied decisions to a file, and records their digest in the activity log.

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::domain::export::{Export, Format};
use crate::domain::id::Id;
use crate::domain::review::Review;
use crate::tui::app::Tables;
use crate::tui::form::Field;
use crate::tui::keymap::{Action, Context, stack};
use crate::tui::msg::{Ask, Failure, Put, Reply};
use crate::tui::popup::{Cx, Mood, Popup, Then, content_width, frame, lines};
use crate::tui::prose::{choice, hints, number, paragraph};
use crate::tui::shared::{Owner, Shared};
use crate::tui::theme::Role;
use crate::wire::page::LIMIT_MAX;
use crate::wire::reviews::{RecordExport, ReviewsQuery};

/// Exporting applied decisions.
#[derive(Debug)]
pub struct ExportPopup {
    review: Id,
    /// Whether all decisions are wanted, not this sitting's alone.
    all: bool,
    format: usize,
    path: Field,
    records: Vec<Review>,
    export: Option<Export>,
    said: Option<(String, Role)>,
}

impl ExportPopup {
    /// Asks for the decisions of this sitting.
    pub fn new(shared: &mut Shared, tables: &Tables) -> Self {
        let mut popup = Self {
            review: tables.review.drafts.review_id,
            all: false,
            format: 0,
            path: Field::default(),
            records: Vec::new(),
            export: None,
            said: None,
        };
        popup.ask(shared);
        popup
    }

    fn ask(&mut self, shared: &mut Shared) {
        let review = (!self.all).then_some(self.review);
        let query = ReviewsQuery { limit: Some(LIMIT_MAX), review, ..ReviewsQuery::default() };
        shared.ask(Owner::Overlay, Ask::Reviews(query));
    }

    fn again(&mut self, shared: &mut Shared) {
        shared.forget(Owner::Overlay);
        (self.export, self.said) = (None, None);
        self.records.clear();
        self.ask(shared);
    }

    fn choose(&mut self, format: usize) {
        self.format = format % Format::ALL.len();
        if let Some(export) = &self.export {
            self.path = Field::with(&export.file_name(Format::ALL[self.format]));
        }
    }

    fn write(&mut self, shared: &mut Shared) {
        let Some(export) = self.export.as_ref().filter(|export| !export.is_empty()) else { return };
        if shared.start.restricted {
            let why =
                "Files are out of reach here (--restricted); `keyward review export` prints it elsewhere.";
            self.said = Some((why.to_owned(), Role::Danger));
            return;
        }
        let path = self.path.text().trim().to_owned();
        if path.is_empty() {
            self.said = Some(("Name a file to write to.".to_owned(), Role::Danger));
            return;
        }
        let text = export.write(Format::ALL[self.format]);
        shared.put(Owner::Overlay, Put::TextToFile { path, text });
    }

    /// The records are all there.
    fn complete(&mut self, shared: &Shared) {
        let Some(me) = &shared.me else { return };
        let records = std::mem::take(&mut self.records);
        let export =
            Export::new(&me.organization.name, me.policy, records, shared.server_now(), &me.member.email);
        self.export = Some(export);
        self.choose(self.format);
    }
}

impl Popup for ExportPopup {
    fn contexts(&self) -> &'static [Context] {
        stack::TEXT
    }

    fn act(&mut self, cx: &mut Cx<'_>, action: Action) -> Then {
        match action {
            Action::Submit => self.write(cx.shared),
            Action::NextField => self.choose(self.format + 1),
            Action::PreviousField => self.choose(self.format + Format::ALL.len() - 1),
            Action::Cancel => return Then::Close,
            _ => {}
        }
        Then::Stay
    }

    fn press(&mut self, cx: &mut Cx<'_>, key: KeyCombination) -> Then {
        if matches!(key.codes.first(), KeyCode::Up | KeyCode::Down) {
            self.all = !self.all;
            self.again(cx.shared);
        } else {
            self.path.press(key);
        }
        Then::Stay
    }

    fn paste(&mut self, _: &mut Cx<'_>, text: &str) {
        self.path.paste(text);
    }

    fn reply(&mut self, cx: &mut Cx<'_>, result: Result<Reply, Failure>) -> Then {
        match result {
            Ok(Reply::Reviews(page)) => {
                self.records.extend(page.data);
                if page.metadata.next_cursor.is_none() {
                    self.complete(cx.shared);
                }
            }
            Ok(Reply::Done(said)) => {
                let Some(export) = self.export.take() else { return Then::Stay };
                // The file is there: now the log learns its digest. What becomes of that is told at the foot of the screen.
                let body = RecordExport {
                    review_id: (!self.all).then_some(self.review),
                    records: export.len() as u64,
                    sha256: export.sha256().to_owned(),
                };
                cx.shared.ask(Owner::Notice, Ask::RecordExport(body));
                cx.shared.notices.info(cx.shared.now, format!("{} decisions {said}", export.len()));
                return Then::Close;
            }
            Ok(_) => {}
            Err(failure) => {
                cx.shared.heard_failure(&failure);
                self.said = Some((failure.to_string(), Role::Danger));
            }
        }
        Then::Stay
    }

    fn draw(&self, shared: &Shared, _: &Tables, area: Rect, buf: &mut Buffer) -> Option<(u16, u16)> {
        let theme = shared.theme();
        let columns = content_width(area, 70);
        let strong = theme.style(Role::Strong);
        let what = if self.all { "all that were ever applied" } else { "those of this review" };
        let count = match &self.export {
            Some(export) if export.is_empty() && self.all => "No decision was applied yet.".to_owned(),
            Some(export) if export.is_empty() => "No decision of this review was applied yet.".to_owned(),
            Some(export) if export.len() == 1 => format!("1 decision: {what}."),
            Some(export) => format!("{} decisions: {what}.", number(export.len() as u64)),
            None => format!("Loading decisions: {what}."),
        };
        let formats = Format::ALL
            .iter()
            .enumerate()
            .map(|(at, format)| choice(&format.to_string(), at == self.format, theme));
        let formats = std::iter::once(Span::styled("As    ", theme.style(Role::Muted))).chain(formats);
        let mut content = vec![
            Line::styled(count, strong),
            formats.collect(),
            Line::styled("File", theme.style(Role::Muted)),
            Line::default(),
        ];
        if let Some(export) = self.export.as_ref().filter(|export| !export.is_empty()) {
            let words = format!("SHA-256 {}; the activity log keeps the same.", export.sha256());
            content.extend(paragraph(&words, theme.style(Role::Muted), usize::from(columns)));
        }
        if let Some((said, role)) = &self.said {
            content.extend(paragraph(said, theme.style(*role), usize::from(columns)));
        }
        content.push(Line::default());
        let (enter, tab, esc) =
            (shared.key(Action::Submit), shared.key(Action::NextField), shared.key(Action::Cancel));
        content.push(hints(
            &[(&enter, "write"), (&tab, "format"), ("Up Down", "this review or all"), (&esc, "back")],
            theme,
        ));
        let height = u16::try_from(content.len()).unwrap_or(8);
        let inside = frame("Export the review", Mood::Calm, (columns, height), area, theme, buf);
        lines(&content, inside, theme, buf);
        let field =
            Rect { x: inside.x + 6, y: inside.y + 2, width: inside.width.saturating_sub(6), height: 1 };
        self.path.draw(field, true, theme, buf)
    }
}
