//! The first screen, for who is signed in nowhere yet: sign in with a code, look around in the demo, or learn where a code and a
//! server come from.

use std::sync::Arc;

use crokey::KeyCombination;
use crokey::crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::context::StartOptions;
use super::form::{FormFocus, TextField};
use super::frame::{FrameInfo, SMALLEST_WINDOW, replace_non_ascii};
use super::keymap::{Action, KeyContext, KeyMatch, Keymap, stack};
use super::msg::{ApiRequest, Effect, Msg, Reply, RequestError, Ticket, UiTime};
use super::popup::{PopupTone, content_width, frame, lines};
use super::text_layout::{key_hints, wrap_paragraph, wrap_text};
use super::theme::{StyleRole, Theme};
use super::ui_model::UiModel;
use crate::domain::secret::TokenKind;
use crate::domain::text;
use crate::wire::keys::SecretString;

/// What was chosen when the screen ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WelcomeChoice {
    /// To sign in; the session is kept in the profile of that server.
    SignedIn,
    /// To look around in the demo.
    Demo,
}

/// What the focus can be on, in order.
const SERVER: usize = 0;
const CODE: usize = 1;
const SIGN_IN: usize = 2;
const DEMO: usize = 3;
const LEAVE: usize = 4;

/// With what they are called where there is room, and where there is not.
const BUTTONS: [(usize, &str, &str); 3] =
    [(SIGN_IN, "Sign in", "Sign in"), (DEMO, "Look at a demo", "Demo"), (LEAVE, "Leave", "Leave")];

const INTRO: &str = "Administer API keys. Nobody is signed in here yet.";

const HELP: [&str; 3] = [
    "No code? An admin makes one: `keyward members invite ADDRESS`, or i on the tab Members.",
    "No server? On its host: `keyward admin init`, which prints the first code, then `keyward serve`.",
    "Neither? The demo is a made-up plant on this machine, gone when it ends.",
];

const OPEN: &str = "http:// is not encrypted: code and session can be read on the way.";

/// Whether what is sent to this address can be read on the way.
fn is_open(server: &str) -> bool {
    let host = server.trim().strip_prefix("http://").unwrap_or("");
    let here =
        ["localhost", "127.", "[::1]"].iter().any(|own| host.starts_with(own) || own.starts_with(host));
    !here && !host.is_empty()
}

/// The state of the screen.
#[derive(Debug)]
pub struct Welcome {
    server: TextField,
    code: TextField,
    focus: FormFocus,
    sending: Option<Ticket>,
    tickets: u64,
    failed: Option<String>,
    keymap: Keymap,
    theme: Theme,
    /// How it ended.
    pub choice: Option<WelcomeChoice>,
}

impl Welcome {
    /// The screen as it is shown first.
    pub fn new(start: StartOptions) -> (Self, Vec<Effect>) {
        let first = Self {
            server: TextField::default(),
            code: TextField::new_secret(),
            focus: FormFocus::new(LEAVE + 1),
            sending: None,
            tickets: 0,
            failed: None,
            keymap: start.keymap,
            theme: start.theme,
            choice: None,
        };
        (first, Vec::new())
    }

    fn key_contexts(&self) -> &'static [KeyContext] {
        if self.focus.index <= CODE { stack::TEXT } else { stack::POPUP }
    }

    fn key(&mut self, key: KeyCombination) -> Vec<Effect> {
        if let KeyMatch::Action(action) = self.keymap.find(self.key_contexts(), None, key) {
            return self.act(action);
        }
        match (self.focus.index, key.codes.first()) {
            (_, KeyCode::Down) => self.focus.focus_next(),
            (_, KeyCode::Up) => self.focus.focus_previous(),
            _ if self.sending.is_some() => {}
            (SERVER, _) => drop(self.server.handle_key(key)),
            (CODE, _) => drop(self.code.handle_key(key)),
            (_, KeyCode::Right) => self.focus.focus_next(),
            (_, KeyCode::Left) => self.focus.focus_previous(),
            _ => {}
        }
        Vec::new()
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::NextField | Action::ScrollDown => self.focus.focus_next(),
            Action::PreviousField | Action::ScrollUp => self.focus.focus_previous(),
            Action::Submit if self.focus.index == SERVER => self.focus.focus_next(),
            Action::Submit => return self.sign_in(),
            Action::Activate => match self.focus.index {
                SIGN_IN => return self.sign_in(),
                DEMO => {
                    self.choice = Some(WelcomeChoice::Demo);
                    return vec![Effect::Quit];
                }
                _ => return vec![Effect::Quit],
            },
            Action::Suspend => return vec![Effect::Suspend],
            // What was asked for is left alone.
            Action::Cancel | Action::Interrupt if self.sending.is_some() => {
                return self.sending.take().map(Effect::CancelRequest).into_iter().collect();
            }
            Action::Cancel => self.failed = None,
            Action::Interrupt | Action::ClosePopup | Action::Quit => return vec![Effect::Quit],
            _ => {}
        }
        Vec::new()
    }

    fn sign_in(&mut self) -> Vec<Effect> {
        if self.sending.is_some() {
            return Vec::new();
        }
        let server = self.server.text().trim().to_owned();
        if server.is_empty() {
            self.focus.index = SERVER;
            return self.wrong("Which server? Write its address, such as https://keys.plant.example.");
        }
        let code = self.code.text().trim();
        if TokenKind::Code.digest(code).is_none() {
            let why = if code.is_empty() {
                "Paste the sign-in code: it begins with inv_ and is never shown."
            } else {
                "That is no sign-in code: it begins with inv_ and is pasted whole."
            };
            self.focus.index = CODE;
            return self.wrong(why);
        }
        let code = Arc::new(SecretString::new(code));
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        (self.sending, self.failed) = (Some(ticket), None);
        vec![Effect::Request { ticket, request: ApiRequest::SignInAt { server, code } }]
    }

    fn wrong(&mut self, why: &str) -> Vec<Effect> {
        self.failed = Some(why.to_owned());
        Vec::new()
    }

    fn reply(&mut self, result: Result<Reply, RequestError>) -> Vec<Effect> {
        self.sending = None;
        match result {
            Ok(_) => {
                self.choice = Some(WelcomeChoice::SignedIn);
                self.code.clear();
                vec![Effect::Quit]
            }
            Err(failure) => {
                // What was typed stays; most likely the code is to be replaced or the address mended.
                self.focus.index = if failure.problem_type().is_some() { CODE } else { SERVER };
                self.wrong(&failure.to_string())
            }
        }
    }

    fn buttons(&self, columns: usize) -> Line<'static> {
        let mut spans = Vec::new();
        for (at, long, short) in BUTTONS {
            let name = if columns < 40 { short } else { long };
            let style = if self.focus.index == at {
                self.theme.style(StyleRole::Accent).add_modifier(Modifier::REVERSED)
            } else {
                self.theme.style(StyleRole::Accent)
            };
            spans.extend([Span::styled(format!("[{name}]"), style), Span::raw("  ")]);
        }
        Line::from(spans)
    }
}

impl UiModel for Welcome {
    fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::KeyPress(key) => self.key(key),
            Msg::Paste(text) if self.sending.is_none() => {
                match self.focus.index {
                    SERVER => self.server.paste(&text),
                    CODE => self.code.paste(&text),
                    _ => {}
                }
                Vec::new()
            }
            Msg::Reply { ticket, result } if self.sending == Some(ticket) => self.reply(result),
            _ => Vec::new(),
        }
    }

    fn is_deferrable(&self, _: &Msg) -> bool {
        false
    }

    fn wake_at(&self) -> Option<UiTime> {
        None
    }

    fn draw(&self, buf: &mut Buffer) -> FrameInfo {
        buf.reset();
        let (area, theme) = (buf.area, self.theme);
        if area.width < SMALLEST_WINDOW.0 || area.height < SMALLEST_WINDOW.1 {
            let text = format!(
                "needs {}x{}, has {}x{}",
                SMALLEST_WINDOW.0, SMALLEST_WINDOW.1, area.width, area.height
            );
            buf.set_stringn(0, 0, text, usize::from(area.width), Style::new());
            return FrameInfo::default();
        }
        let width = content_width(area, 66);
        let columns = usize::from(width);
        let muted = theme.style(StyleRole::Muted);
        let mut failed = self.failed.as_ref().map_or_else(Vec::new, |why| {
            wrap_paragraph(&theme.text(&text::sanitize_block(why)), theme.style(StyleRole::Danger), columns)
        });
        if failed.is_empty() && is_open(self.server.text()) {
            failed = wrap_paragraph(OPEN, theme.style(StyleRole::Stale), columns);
        }
        let (enter, tab) = ("Enter", "Tab");
        let foot = [
            self.buttons(columns),
            Line::default(),
            if self.sending.is_some() {
                key_hints(&[("Esc", "signing in; cancel")], theme)
            } else {
                key_hints(&[(enter, "accept"), (tab, "next"), ("Ctrl-c", "leave")], theme)
            },
        ];
        let help: Vec<Line<'static>> = HELP
            .iter()
            .flat_map(|words| {
                wrap_text(words, columns)
                    .into_iter()
                    .map(|line| Line::styled(line, muted))
                    .chain([Line::default()])
            })
            .collect();
        // In low windows what explains gives way, never what is to be typed or pressed.
        let rows = usize::from(area.height) - 2;
        let mut content = wrap_paragraph(INTRO, theme.style(StyleRole::Strong), columns);
        content.push(Line::default());
        let fields = [
            Line::styled("Server", theme.style(StyleRole::Accent)),
            Line::styled("Code", theme.style(StyleRole::Accent)),
        ];
        let least = fields.len() + 1 + failed.len() + usize::from(!failed.is_empty()) + foot.len();
        if content.len() + least > rows {
            content.clear();
        }
        let at = u16::try_from(content.len()).unwrap_or(0);
        content.extend(fields);
        content.push(Line::default());
        if !failed.is_empty() {
            content.extend(failed);
            content.push(Line::default());
        }
        if content.len() + help.len() + foot.len() <= rows {
            content.extend(help);
        }
        content.extend(foot);
        let size = (width, u16::try_from(content.len()).unwrap_or(u16::MAX));
        let inside = frame("keyward", PopupTone::Calm, size, area, theme, buf);
        lines(&content, inside, theme, buf);
        let place = |row: u16| Rect {
            x: inside.x + 8,
            y: inside.y + at + row,
            width: inside.width.saturating_sub(8),
            height: 1,
        };
        let idle = self.sending.is_none();
        let server = self.server.draw(place(0), idle && self.focus.index == SERVER, theme, buf);
        let code = self.code.draw(place(1), idle && self.focus.index == CODE, theme, buf);
        if self.server.text().is_empty() {
            let example = "https://keys.plant.example";
            buf.set_stringn(place(0).x + 1, place(0).y, example, usize::from(place(0).width) - 1, muted);
        }
        if theme.ascii {
            replace_non_ascii(buf);
        }
        FrameInfo { cursor: server.or(code), ..FrameInfo::default() }
    }
}
