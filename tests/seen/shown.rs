//! Other programs show a file; their pictures are what is expected.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::common::watched;

/// A file to be shown.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// What a server would call it, such as `image/jpeg`.
    pub(crate) media_type: &'static str,
}

/// A picture as a person sees it: over white, turned, in the colours of a screen.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgb: Vec<u8>,
}

/// A program that shows files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shower {
    /// Headless Chromium, as `chromium` or as `HASHGATE_CHROMIUM` names it.
    Chromium,
    /// Pillow, by `python3`.
    Pillow,
    /// ImageMagick's `convert`.
    ImageMagick,
}

impl Shower {
    /// Whether the program is here. Says so where it is not; that fails where data are required.
    pub(crate) fn is_here(self) -> bool {
        let mut command = match self {
            Self::Chromium => {
                let mut command = Command::new(chromium());
                command.arg("--version");
                command
            }
            Self::Pillow => {
                let mut command = Command::new(python());
                command.args(["-c", "import PIL.Image"]);
                command
            }
            Self::ImageMagick => {
                let mut command = Command::new(convert());
                command.arg("--version");
                command
            }
        };
        let ran = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let is_here = ran.is_ok_and(|status| status.success());
        if !is_here {
            let wanted = "Debian's packages chromium, python3-pil and imagemagick bring them";
            eprintln!("skipped: {self:?} is not here to show what people see; {wanted}");
            assert!(
                std::env::var_os("HASHGATE_REQUIRE_DATA").is_none(),
                "{self:?} is missing and HASHGATE_REQUIRE_DATA is set"
            );
        }
        is_here
    }

    /// What the program shows of each file; `None` for those that it does not show.
    pub(crate) fn show(self, files: &[File]) -> Vec<Option<Shown>> {
        match self {
            Self::Chromium => by_chromium(files),
            Self::Pillow => by_pillow(files),
            Self::ImageMagick => by_imagemagick(files),
        }
    }
}

fn chromium() -> PathBuf {
    std::env::var_os("HASHGATE_CHROMIUM").map_or_else(|| "chromium".into(), PathBuf::from)
}

/// Debian's own Python where there is one: its Pillow is the package's.
fn python() -> &'static Path {
    let own = Path::new("/usr/bin/python3");
    if own.is_file() {
        own
    } else {
        Path::new("python3")
    }
}

/// Debian's own ImageMagick where there is one.
fn convert() -> &'static Path {
    let own = Path::new("/usr/bin/convert");
    if own.exists() {
        own
    } else {
        Path::new("convert")
    }
}

/// The page that draws every picture on a canvas over white, and writes down what it shows.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><pre id="out"></pre><script>
window.onload = () => {
  const lines = [];
  for (const img of document.images) {
    if (!img.complete || img.naturalWidth === 0) { lines.push('none'); continue; }
    const canvas = document.createElement('canvas');
    canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
    const context = canvas.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(img, 0, 0);
    lines.push(canvas.toDataURL('image/png').split(',')[1]);
  }
  document.getElementById('out').textContent = lines.join('\n');
};
</script>
"#;

/// So many files, and so many bytes of them, are shown by one page.
const FILES_OF_A_PAGE: usize = 40;
const BYTES_OF_A_PAGE: usize = 8 << 20;

fn by_chromium(files: &[File]) -> Vec<Option<Shown>> {
    let mut shown = Vec::with_capacity(files.len());
    let mut rest = files;
    while !rest.is_empty() {
        let mut bytes = 0;
        let count = rest
            .iter()
            .take(FILES_OF_A_PAGE)
            .take_while(|file| {
                bytes += file.bytes.len();
                bytes <= BYTES_OF_A_PAGE
            })
            .count()
            .max(1);
        let (now, later) = rest.split_at(count);
        shown.extend(page(now));
        rest = later;
    }
    shown
}

fn page(files: &[File]) -> Vec<Option<Shown>> {
    let folder = tempfile::tempdir().expect("a folder for the page");
    let mut html = PAGE.to_owned();
    for file in files {
        let data = BASE64.encode(&file.bytes);
        let kind = file.media_type;
        html.push_str(&format!("<img src=\"data:{kind};base64,{data}\">\n"));
    }
    let path = folder.path().join("page.html");
    fs::write(&path, html).expect("the page is written");
    let output = watched(
        Command::new(chromium())
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--force-color-profile=srgb",
                "--dump-dom",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .arg(format!("file://{}", path.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null()),
    )
    .output();
    let dom = String::from_utf8_lossy(&output.stdout);
    let start = "<pre id=\"out\">";
    let lines = dom
        .split_once(start)
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .map(|(lines, _)| lines)
        .expect("Chromium wrote what it shows");
    let shown: Vec<_> = lines
        .lines()
        .map(|line| (line != "none").then(|| from_png(&BASE64.decode(line).expect("base64"))))
        .collect();
    assert_eq!(shown.len(), files.len(), "Chromium answered for each file");
    shown
}

/// A plain PNG that a browser or another program wrote.
fn from_png(bytes: &[u8]) -> Shown {
    let picture = image::load_from_memory_with_format(bytes, image::ImageFormat::Png)
        .expect("the other program's PNG is whole")
        .to_rgb8();
    Shown {
        width: picture.width(),
        height: picture.height(),
        rgb: picture.into_raw(),
    }
}

/// Shows the first picture of each file, turned, over white. 16-bit greys are brought to 8 by their upper byte, as
/// Pillow itself would clip them.
const PILLOW: &str = r"
import sys
from PIL import Image, ImageFile, ImageOps
for line in sys.stdin.read().splitlines():
    source, target = line.split('\t')
    try:
        with Image.open(source) as image:
            image.load()
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith('I;16') or image.mode == 'I':
                image = image.point(lambda value: value * (1 / 256)).convert('L')
            if image.mode in ('P', 'PA') and 'transparency' in image.info or image.mode in ('LA', 'La', 'RGBa', 'PA'):
                image = image.convert('RGBA')
            if image.mode == 'RGBA':
                white = Image.new('RGBA', image.size, (255, 255, 255, 255))
                image = Image.alpha_composite(white, image)
            image.convert('RGB').save(target, 'PNG', compress_level=1)
    except Exception as error:
        print(source, repr(error), file=sys.stderr)
";

fn by_pillow(files: &[File]) -> Vec<Option<Shown>> {
    let folder = tempfile::tempdir().expect("a folder for the files");
    let mut list = String::new();
    for (number, file) in files.iter().enumerate() {
        let source = folder.path().join(number.to_string());
        fs::write(&source, &file.bytes).expect("the file is written");
        let (source, target) = (source.display(), target(folder.path(), number));
        list.push_str(&format!("{source}\t{}\n", target.display()));
    }
    let listed = folder.path().join("list");
    fs::write(&listed, list).expect("the list is written");
    let script = folder.path().join("show.py");
    fs::write(&script, PILLOW).expect("the script is written");
    let input = fs::File::open(&listed).expect("the list is read");
    let _ = watched(
        Command::new(python())
            .arg(&script)
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )
    .output();
    (0..files.len())
        .map(|number| Some(from_png(&fs::read(target(folder.path(), number)).ok()?)))
        .collect()
}

fn by_imagemagick(files: &[File]) -> Vec<Option<Shown>> {
    let folder = tempfile::tempdir().expect("a folder for the files");
    (0..)
        .zip(files)
        .map(|(number, file)| {
            let kind = file.media_type.rsplit(['/', '-']).next().unwrap_or("");
            let source = folder.path().join(format!("{number}.{kind}"));
            fs::write(&source, &file.bytes).expect("the file is written");
            let target = target(folder.path(), number);
            let _ = watched(
                Command::new(convert())
                    .arg(format!("{}[0]", source.display()))
                    .args(["-auto-orient", "-background", "white", "-alpha", "remove"])
                    .args(["-colorspace", "sRGB", "-depth", "8", "-type", "TrueColor"])
                    .arg(format!("PNG24:{}", target.display()))
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null()),
            )
            .output();
            Some(from_png(&fs::read(target).ok()?))
        })
        .collect()
}

fn target(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}.png"))
}
