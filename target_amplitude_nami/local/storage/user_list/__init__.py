"""Keeps the list of users in every order that the page sorts it by."""
