//! Writes node dumps for `microgpt compare`: see docs/node-format.md. Put it beside your main.rs:
//!
//!     mod microgpt_dump;
//!     let mut dump = microgpt_dump::Dump::create("port.txt", "{\"step\": 1}")?;
//!     dump.dump("pos2.logit", &logit)?;               // pos2.logit[0], pos2.logit[1], ...
//!     dump.grads("pos2.prob", &prob, &dprob)?;        // the same with gradients
//!     dump.matrix("wte", &wte, Some(&dwte), n_cols)?; // row after row: wte[0,0], wte[0,1], ...
//!     dump.number("loss", loss, Some(1.0))?;
//!
//! Slices may be of f64 or of f32.
use std::fs::File;
use std::io::{BufWriter, Result, Write};

pub struct Dump {
    file: BufWriter<File>,
}

#[allow(dead_code)]
impl Dump {
    /// `about` is what the dump is of, as JSON.
    pub fn create(path: &str, about: &str) -> Result<Dump> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "# microgpt-nodes 1 {}", about)?;
        Ok(Dump { file })
    }

    // A number's shortest decimals, as {:?} writes them, give it back.
    pub fn number<T: Into<f64>>(&mut self, path: &str, x: T, grad: Option<T>) -> Result<()> {
        match grad {
            Some(grad) => writeln!(self.file, "{} {:?} {:?}", path, x.into(), grad.into()),
            None => writeln!(self.file, "{} {:?} -", path, x.into()),
        }
    }

    pub fn dump<T: Into<f64> + Copy>(&mut self, name: &str, x: &[T]) -> Result<()> {
        self.matrix(name, x, None, 0)
    }

    pub fn grads<T: Into<f64> + Copy>(&mut self, name: &str, x: &[T], grads: &[T]) -> Result<()> {
        self.matrix(name, x, Some(grads), 0)
    }

    /// `n_cols` is 0 for a vector.
    pub fn matrix<T>(&mut self, name: &str, x: &[T], grads: Option<&[T]>, n_cols: usize) -> Result<()>
    where
        T: Into<f64> + Copy,
    {
        for i in 0..x.len() {
            let path = match n_cols {
                0 => format!("{}[{}]", name, i),
                _ => format!("{}[{},{}]", name, i / n_cols, i % n_cols),
            };
            self.number(&path, x[i], grads.map(|g| g[i]))?;
        }
        Ok(())
    }
}
