"""What people read: sentences, tables, figures and the page."""
