# install: sdc is one file that carries what it needs; beside it a man page, shell completions and the licence.
install(TARGETS sdc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES man/sdc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES completions/sdc.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME sdc)
install(FILES completions/_sdc DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES completions/sdc.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES LICENSE NOTICE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
