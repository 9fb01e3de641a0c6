//! An actix-web server that reads a body and answers 200: no proof, no parsing, nothing kept.

use actix_web::{App, HttpResponse, HttpServer, web};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).expect("an address to listen on");
    let app = || App::new().app_data(web::PayloadConfig::new(25 << 20)).route(
        "/webhooks/gitlab",
        web::post().to(|_body: web::Bytes| async { HttpResponse::Ok() }),
    );
    HttpServer::new(app).workers(2).bind(address)?.run().await
}
