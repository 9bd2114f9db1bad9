//! The numbers of test_writers.py, from Rust.
mod microgpt_dump;

fn main() -> std::io::Result<()> {
    let x = [0.1, -0.0, f64::INFINITY, -f64::INFINITY, f64::NAN, 5e-324, f64::MAX, 1.0 / 3.0];
    let dx = [-0.1, 0.0, f64::NAN, 1e-7, 2.0, -3.0, 123456789.0, -1e-300];
    let path = std::env::args().nth(1).unwrap();
    let mut dump = microgpt_dump::Dump::create(&path, "{\"step\": 3, \"document\": \"ana\"}")?;
    dump.dump("pos2.logit", &x)?;
    dump.grads("pos2.prob", &x, &dx)?;
    dump.matrix("wte", &x[..6], Some(&dx[..6]), 3)?;
    dump.matrix("wpe", &x[..6], None, 3)?;
    dump.dump("pos0.norm", &[0.1f32, -1e-7, 16777217.0])?;
    dump.number("loss", 2.5, Some(1.0))?;
    dump.number("pos0.loss", 2.5, None)
}
